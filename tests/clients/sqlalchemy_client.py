"""SQLAlchemy (psycopg and asyncpg dialects): ORM, reflection, transactions."""

import asyncio
import os
import sys

import sqlalchemy as sa
import sqlalchemy.dialects.postgresql as pg
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

MODE = sys.argv[1]
URL = sa.URL.create(
    "postgresql+psycopg",
    os.environ["PGUSER"],
    os.environ["PGPASSWORD"],
    os.environ["PGHOST"],
    int(os.environ["PGPORT"]),
    os.environ["PGDATABASE"],
    {"sslmode": os.environ["PGSSLMODE"]},
)


class Base(orm.DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(50), unique=True)
    tags: orm.Mapped[list] = orm.mapped_column(sa.ARRAY(sa.Text), default=list)
    profile: orm.Mapped[dict] = orm.mapped_column(pg.JSONB, default=dict)
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "books"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    title: orm.Mapped[str]
    price: orm.Mapped[float] = orm.mapped_column(sa.Numeric(8, 2))
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("authors.id"))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


def show(*words):
    print(*words, flush=True)


def conformance():
    engine = sa.create_engine(URL, pool_size=3)
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        for n in range(30):
            session.add(Author(name=f"Author {n}", tags=[f"t{n}"], profile={"n": n}, books=[Book(title=f"B{n}-{m}", price=m) for m in range(3)]))
        session.commit()
    with orm.Session(engine) as session:
        query = sa.select(Author).options(orm.selectinload(Author.books)).where(Author.profile["n"].as_integer() > 25).order_by(Author.id)
        for author in session.scalars(query):
            show(author.name, author.tags, author.profile, [book.title for book in author.books])
        rows = session.execute(sa.select(Author.name, sa.func.count(Book.id), sa.func.sum(Book.price)).join(Book).group_by(Author.name).order_by(Author.name).limit(3))
        show(rows.all())
        one = session.scalars(sa.select(Author).where(Author.name == "Author 3")).one()
        one.profile = {**one.profile, "seen": True}
        one.books.pop()
        session.flush()
        session.delete(session.get(Author, 5))
        session.commit()
        try:
            with session.begin_nested():
                session.add(Author(name="Author 1"))
        except sa.exc.IntegrityError as error:
            show("integrity", error.orig.sqlstate)
        show(session.scalar(sa.select(sa.func.count()).select_from(Book)))
        upsert = pg.insert(Author).values(name="Author 1", tags=["new"], profile={})
        session.execute(upsert.on_conflict_do_update(index_elements=["name"], set_={"tags": upsert.excluded.tags}))
        session.execute(sa.insert(Book), [{"title": f"bulk {n}", "price": n, "author_id": 1} for n in range(500)])
        session.commit()
        show(session.scalar(sa.select(sa.func.count()).select_from(Book)))
    inspector = sa.inspect(engine)
    for table in sorted(inspector.get_table_names()):
        show(table, [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)])
        show(inspector.get_pk_constraint(table), inspector.get_foreign_keys(table), inspector.get_indexes(table), inspector.get_unique_constraints(table))
    metadata = sa.MetaData()
    metadata.reflect(engine)
    show(sorted(metadata.tables))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        show(conn.scalar(sa.text("SHOW transaction_isolation")))
    asyncio.run(through_asyncpg())
    Base.metadata.drop_all(engine)
    show(sa.inspect(engine).get_table_names())


async def through_asyncpg():
    url = URL.set(drivername="postgresql+asyncpg", query={"ssl": os.environ["PGSSLMODE"]})
    engine = create_async_engine(url)
    async with AsyncSession(engine) as session:
        show((await session.execute(sa.select(Author.name).order_by(Author.id).limit(2))).all())
    await engine.dispose()


def refusal():
    engine = sa.create_engine(URL)
    kept = sa.Table("kept", sa.MetaData(), autoload_with=engine)
    with engine.connect() as conn:
        try:
            conn.execute(sa.delete(kept))
        except sa.exc.DBAPIError as error:
            show(type(error).__name__, error.orig.sqlstate, error.connection_invalidated)
        conn.rollback()
        show(conn.scalar(sa.select(sa.func.count()).select_from(kept)))


show("##", MODE)
{"conformance": conformance, "refusal": refusal}[MODE]()
