// A statement that waits for people, sent by node-postgres.
'use strict'
const { Client } = require('pg')

async function main() {
  const client = new Client({ ssl: false })
  await client.connect()
  const result = await client.query('UPDATE orders SET status = $1 WHERE price >= $2', ['closed', 0])
  console.log('changed', result.rowCount)
  await client.end()
}

main()
