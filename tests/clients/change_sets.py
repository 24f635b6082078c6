"""Migrations of five statements as two frameworks make them: `first` runs the one before, `sql` prints the statements of the
second, `run` runs it."""

import os
import pathlib
import sys

FOLDER = pathlib.Path(sys.argv[3])

ALEMBIC = {
    "env.py": """
import sqlalchemy as sa
from alembic import context
if context.is_offline_mode():
    context.configure(url="postgresql+psycopg://", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = sa.create_engine(context.config.attributes["url"])
    with engine.connect() as conn:
        context.configure(connection=conn)
        with context.begin_transaction():
            context.run_migrations()
""",
    "versions/first.py": """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "a1", None
def upgrade():
    op.create_table("people", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text, nullable=False))
    op.execute("INSERT INTO people (name) SELECT 'person ' || n FROM generate_series(1, 199) n")
""",
    "versions/second.py": """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "a2", "a1"
def upgrade():
    op.create_table("visits", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("person_id", sa.Integer), sa.Column("seen", sa.DateTime))
    op.create_index("visits_person", "visits", ["person_id"])
    op.add_column("people", sa.Column("nickname", sa.Text))
    op.execute("UPDATE people SET nickname = lower(name) WHERE name >= 'person'")
    op.create_table("tags", sa.Column("id", sa.Integer, primary_key=True), sa.Column("word", sa.String(40), nullable=False))
""",
}

DJANGO = {
    "store/__init__.py": "",
    "store/models.py": "",
    "store/migrations/__init__.py": "",
    "store/migrations/0001_initial.py": """
from django.db import migrations, models
class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel("Item", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())]),
        migrations.RunSQL("INSERT INTO store_item (name) SELECT 'item ' || n FROM generate_series(1, 199) n"),
    ]
""",
    "store/migrations/0002_second.py": """
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [("store", "0001_initial")]
    operations = [
        migrations.CreateModel("Tag", [("id", models.BigAutoField(primary_key=True)), ("word", models.TextField())]),
        migrations.AddIndex("Tag", models.Index(fields=["word"], name="tag_word")),
        migrations.AddField("Item", "note", models.TextField(null=True)),
        migrations.RunSQL("UPDATE store_item SET note = upper(name) WHERE name LIKE 'item%'"),
        migrations.CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True)), ("place", models.TextField())]),
    ]
""",
}


def write(files):
    for name, text in files.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def through_alembic(step):
    import alembic.command
    import alembic.config

    write(ALEMBIC)
    config = alembic.config.Config(stdout=sys.stdout)
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    address = "{PGUSER}:{PGPASSWORD}@{PGHOST}:{PGPORT}/{PGDATABASE}?sslmode={PGSSLMODE}".format(**os.environ)
    config.attributes["url"] = "postgresql+psycopg://" + address
    match step:
        case "first":
            alembic.command.upgrade(config, "a1")
        case "sql":
            alembic.command.upgrade(config, "a1:a2", sql=True)
        case "run":
            alembic.command.upgrade(config, "head")


def through_django(step):
    import django
    from django.conf import settings
    from django.core.management import call_command

    write(DJANGO)
    sys.path.insert(0, str(FOLDER))
    database = {name: os.environ["PG" + given] for name, given in [("NAME", "DATABASE"), ("USER", "USER"), ("PASSWORD", "PASSWORD"), ("HOST", "HOST"), ("PORT", "PORT")]}
    database |= {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"sslmode": os.environ["PGSSLMODE"]}}
    settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["store"], USE_TZ=True)
    django.setup()
    match step:
        case "first":
            call_command("migrate", "store", "0001", verbosity=0)
        case "sql":
            call_command("sqlmigrate", "store", "0002")
        case "run":
            call_command("migrate", "store", verbosity=0)


{"alembic": through_alembic, "django": through_django}[sys.argv[1]](sys.argv[2])
