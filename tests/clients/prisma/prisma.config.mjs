// Prisma's migrations by its engine in WebAssembly, so that no program of its own has to be downloaded. The database is that
// of libpq's environment, the folder of schema and migrations that of MIGRATIONS.
import { defineConfig } from "prisma/config";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";

// The adapter tells the engine no type for what is of type name (19), which the engine asks for: it is text (25).
for (const place of [pg.Client.prototype, pg.Pool.prototype]) {
  const query = place.query;
  place.query = function (...given) {
    const sent = query.apply(this, given);
    return sent?.then?.((answer) => {
      for (const field of answer?.fields ?? []) if (field.dataTypeID === 19) field.dataTypeID = 25;
      return answer;
    }) ?? sent;
  };
}

export default defineConfig({
  experimental: { adapter: true },
  engine: "js",
  schema: `${process.env.MIGRATIONS}/schema.prisma`,
  migrations: { path: `${process.env.MIGRATIONS}/migrations` },
  adapter: async () => new PrismaPg(new pg.Pool()),
});
