// node-postgres: text formats, simple and extended queries, cursors, streams, COPY, notifications.
'use strict'
const { Client, Pool, types } = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')
const copy = require('pg-copy-streams')
const { pipeline } = require('node:stream/promises')
const { Readable, Writable } = require('node:stream')

const mode = process.argv[2]
const tls = process.env.PGSSLMODE === 'require'
// The library reads PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE itself. Its own `require` also checks the
// certificate, so that what libpq calls `require` is written like this.
const options = { ssl: tls ? { rejectUnauthorized: false } : false }
const show = (...words) => console.log(...words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))))

async function connect() {
  const client = new Client(options)
  await client.connect()
  return client
}

async function typesOf(client) {
  const values = [true, 7, '1234567890123', 1.5, 'ža🐎', Buffer.from([0, 255]), null, new Date(0), [1, 2], { a: [1, null] }]
  const casts = ['bool', 'int4', 'int8', 'float8', 'text', 'bytea', 'text', 'timestamptz', 'int4[]', 'jsonb']
  for (const [n, value] of values.entries()) {
    const result = await client.query(`SELECT $1::${casts[n]} AS v`, [value])
    show(casts[n], result.rows[0].v, result.fields[0].dataTypeID, result.command, result.rowCount)
  }
  const binary = await client.query({ text: 'SELECT $1::int8 AS a, 5::int4 AS b, now() > $2 AS c', values: ['5', new Date(0)], binary: true })
  show(binary.rows[0])
}

async function queries(client) {
  const many = await client.query('SELECT 1 AS a; SELECT 2 AS b; SET work_mem = 5000')
  show(many.map((result) => [result.command, result.rows]))
  for (let n = 0; n < 3; n++) {
    const result = await client.query({ name: 'twice', text: 'SELECT $1::int * 2 AS n', values: [n] })
    show(result.rows)
  }
  show((await client.query({ text: 'SELECT 1, 2', rowMode: 'array' })).rows)
  show((await Promise.all([1, 2, 3, 4].map((n) => client.query('SELECT $1::int AS n', [n])))).map((result) => result.rows[0].n))
  show((await client.query('')).command)
}

async function streams(client) {
  const cursor = client.query(new Cursor('SELECT generate_series(1, $1::int) AS n', [25]))
  show((await cursor.read(10)).length, (await cursor.read(10)).length, (await cursor.read(10)).length, (await cursor.read(10)).length)
  await cursor.close()
  let count = 0
  for await (const row of client.query(new QueryStream('SELECT n FROM generate_series(1, 5000) n', [], { batchSize: 300 }))) count += row.n
  show('streamed', count)
  const early = client.query(new QueryStream('SELECT n FROM generate_series(1, 100000) n'))
  for await (const row of early) if (row.n === 5) break
  show((await client.query('SELECT 1 AS n')).rows)
  await client.query('CREATE TEMP TABLE c (id int, t text)')
  await pipeline(Readable.from(Array.from({ length: 2000 }, (_, n) => `${n}\trow ${n}\n`)), client.query(copy.from('COPY c FROM STDIN')))
  let bytes = 0
  const sink = new Writable({ write(chunk, _, done) { bytes += chunk.length; done() } })
  await pipeline(client.query(copy.to('COPY (SELECT * FROM c ORDER BY id) TO STDOUT')), sink)
  show('copied', bytes, (await client.query('SELECT sum(id)::int AS s FROM c')).rows)
}

async function notifications(client) {
  const other = await connect()
  const got = new Promise((resolve) => client.once('notification', resolve))
  await client.query('LISTEN news')
  await other.query("NOTIFY news, 'hello'")
  const note = await got
  show(note.channel, note.payload, note.processId === other.processID)
  await other.end()
}

async function errors(client) {
  for (const text of ['SELEC 1', 'SELECT * FROM nowhere', 'SELECT 1/0']) {
    await client.query(text).catch((error) => show(error.code, error.severity, error.message, error.position ?? null))
    await client.query({ text, values: [] }).catch((error) => show(error.code, error.message))
  }
  await client.query('BEGIN')
  await client.query('SELECT 1/0').catch((error) => show(error.code))
  await client.query('SELECT 1').catch((error) => show(error.code))
  await client.query('ROLLBACK')
  const notices = []
  client.on('notice', (notice) => notices.push(notice.message))
  await client.query("DO $$ BEGIN RAISE NOTICE 'a notice'; END $$")
  show(notices)
}

async function cancels(client) {
  const other = await connect()
  const sleeping = client.query('SELECT pg_sleep(30)').catch((error) => show('cancelled', error.code))
  await other.query('SELECT pg_sleep(0.3)')
  await other.query('SELECT pg_cancel_backend($1)', [client.processID])
  await sleeping
  await other.end()
  show((await client.query("SELECT 'alive' AS s")).rows)
}

async function pools() {
  const pool = new Pool({ ...options, max: 4 })
  const results = await Promise.all(Array.from({ length: 20 }, (_, n) => pool.query('SELECT $1::int AS n', [n])))
  show(results.map((result) => result.rows[0].n))
  await pool.end()
}

async function big(client) {
  const result = await client.query("SELECT n, repeat('x', 100) AS t FROM generate_series(1, 20000) n")
  show(result.rows.length, (await client.query("SELECT repeat('z', 8000000) AS z")).rows[0].z.length)
}

async function refused(client) {
  for (const query of ['DELETE FROM kept', { text: 'DROP TABLE kept', values: [] }, { name: 'p', text: 'UPDATE kept SET note = $1', values: ['x'] }]) {
    await client.query(query).catch((error) => show(error.code, error.severity, typeof error.hint))
  }
  await client.query('BEGIN')
  await client.query('TRUNCATE kept').catch((error) => show(error.code))
  await client.query('SELECT 1').catch((error) => show(error.code))
  await client.query('COMMIT')
  show((await client.query('SELECT count(*)::int AS n FROM kept')).rows)
}

const parts = {
  conformance: [typesOf, queries, streams, notifications, errors, cancels, pools, big],
  refusal: [refused],
}

async function main() {
  types.setTypeParser(types.builtins.TIMESTAMPTZ, (text) => text)
  const client = await connect()
  for (const part of parts[mode]) {
    show('##', part.name)
    await part(client)
  }
  await client.end()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
