// node-postgres: runs the cases of a file as one session and prints what the driver makes of each result, as JSON lines.
// A case is {"case", "transaction", "steps": [{"sql", "with"}]}; a line of output is one step's.
'use strict'
const { readFileSync } = require('node:fs')
const { Client, DatabaseError, types } = require('pg')
const copy = require('pg-copy-streams')

const [cases, way] = process.argv.slice(2)

// What kind of value the driver made, and which.
function cell(value) {
  if (value === null) return null
  const kind = typeof value === 'object' ? value.constructor.name : typeof value
  return [kind, typeof value === 'string' ? value : JSON.stringify(value)]
}

const described = (field) => ({
  name: field.name,
  type: String(field.dataTypeID),
  table: field.tableID,
  column: field.columnID,
})

// Rows as arrays hand the driver's own parsers of binary values a string.
const fromBinary = {
  getTypeParser(oid, format) {
    const parse = types.getTypeParser(oid, format)
    return format === 'binary' ? (value) => parse(Buffer.from(value)) : parse
  },
}

async function copied(client, sql) {
  const blocks = []
  for await (const block of client.query(copy.to(sql))) blocks.push(block)
  return { copied: Buffer.concat(blocks).toString() }
}

async function run(client, step) {
  if (step.sql.startsWith('COPY')) return copied(client, step.sql)
  const query = { text: step.sql, values: step.with ?? undefined, rowMode: 'array' }
  if (way === 'binary') Object.assign(query, { binary: true, queryMode: 'extended', types: fromBinary })
  const result = await client.query(query)
  const command = `${result.command} ${result.rowCount}`
  if (result.fields.length === 0) return { command }
  return { command, columns: result.fields.map(described), rows: result.rows.map((row) => row.map(cell)) }
}

// An error without a code of the server's is the driver's own.
async function attempt(client, step) {
  try {
    return await run(client, step)
  } catch (error) {
    return { error: error instanceof DatabaseError ? error.code : error.name, message: error.message }
  }
}

async function main() {
  const client = new Client({ ssl: false })
  await client.connect()
  for (const line of readFileSync(cases, 'utf8').trimEnd().split('\n')) {
    const { case: number, transaction, steps } = JSON.parse(line)
    if (transaction) await client.query('BEGIN')
    for (const [n, step] of steps.entries()) {
      const told = await attempt(client, step)
      process.stdout.write(`${JSON.stringify({ case: number, step: n, ...told })}\n`)
    }
    if (client.getTransactionStatus() !== 'I') await client.query('ROLLBACK')
  }
  await client.end()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
