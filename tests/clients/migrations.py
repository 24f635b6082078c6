"""Migrations as two frameworks make them: Alembic (up, down, offline) and Django (create, alter, roll back)."""

import os
import pathlib
import sys
import tempfile

import alembic.command
import alembic.config
import sqlalchemy as sa


def show(*words):
    print(*words, flush=True)


FIRST = '''
import sqlalchemy as sa
from alembic import op
revision, down_revision = "a1", None
def upgrade():
    op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("email", sa.String(80), nullable=False))
    op.create_index("users_email", "users", ["email"], unique=True)
    op.bulk_insert(sa.table("users", sa.column("email", sa.String)), [{"email": f"u{n}@example.com"} for n in range(5)])
def downgrade():
    op.drop_table("users")
'''
SECOND = '''
import sqlalchemy as sa
from alembic import op
revision, down_revision = "a2", "a1"
def upgrade():
    op.add_column("users", sa.Column("name", sa.Text, server_default="nobody", nullable=False))
    op.alter_column("users", "email", type_=sa.String(120), existing_type=sa.String(80))
    op.create_check_constraint("name_length", "users", "length(name) < 100")
    op.execute("UPDATE users SET name = email WHERE id > 2")
    op.create_table("posts", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE")))
def downgrade():
    op.drop_table("posts")
    op.drop_constraint("name_length", "users")
    op.drop_column("users", "name")
'''


def through_alembic():
    url = "postgresql+psycopg://{PGUSER}:{PGPASSWORD}@{PGHOST}:{PGPORT}/{PGDATABASE}?sslmode={PGSSLMODE}".format(**os.environ)
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        (home / "versions").mkdir()
        (home / "versions/first.py").write_text(FIRST)
        (home / "versions/second.py").write_text(SECOND)
        (home / "env.py").write_text(
            "from alembic import context\nimport sqlalchemy as sa\n"
            "engine = sa.create_engine(context.config.attributes['url'])\n"
            "with engine.connect() as conn:\n"
            "    context.configure(connection=conn)\n"
            "    with context.begin_transaction():\n"
            "        context.run_migrations()\n"
        )
        config = alembic.config.Config()
        config.set_main_option("script_location", folder)
        config.set_main_option("path_separator", "os")
        config.attributes["url"] = url
        engine = sa.create_engine(url)

        def state(what):
            inspector = sa.inspect(engine)
            tables = sorted(inspector.get_table_names())
            show(what, tables, {t: [c["name"] for c in inspector.get_columns(t)] for t in tables})

        for target in ("a1", "head"):
            alembic.command.upgrade(config, target)
            state(f"upgraded to {target}")
        for target in ("-1", "base"):
            alembic.command.downgrade(config, target)
            state(f"downgraded to {target}")
        alembic.command.upgrade(config, "head")
        with engine.begin() as conn:
            show(conn.execute(sa.text("SELECT id, email, name FROM users ORDER BY id")).all())
        alembic.command.downgrade(config, "base")


def through_django():
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": os.environ["PGDATABASE"],
                "USER": os.environ["PGUSER"],
                "PASSWORD": os.environ["PGPASSWORD"],
                "HOST": os.environ["PGHOST"],
                "PORT": os.environ["PGPORT"],
                "OPTIONS": {"sslmode": os.environ["PGSSLMODE"]},
            }
        },
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.admin", "django.contrib.messages"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command
    from django.db import IntegrityError, connection, transaction
    from django.db.models import Count, Q

    call_command("migrate", verbosity=0)
    show(sorted(connection.introspection.table_names()))
    user = User.objects.create_user("ada", "ada@example.com", "a password")
    group = Group.objects.create(name="readers")
    user.groups.add(group)
    User.objects.bulk_create([User(username=f"user{n}", email=f"u{n}@example.com") for n in range(50)])
    show(User.objects.filter(Q(username__startswith="user4") | Q(groups__name="readers")).order_by("username").values_list("username", flat=True)[:5])
    show(list(User.objects.annotate(n=Count("groups")).order_by("-n", "username").values_list("username", "n")[:2]))
    show(User.objects.filter(username="ada").update(first_name="Ada"), User.objects.get(username="ada").first_name)
    try:
        with transaction.atomic():
            User.objects.create(username="ada")
    except IntegrityError as error:
        show("integrity", error.__cause__.sqlstate)
    with transaction.atomic():
        show(User.objects.select_for_update().get(username="ada").is_active)
    show(User.objects.filter(username="user1").delete()[0])
    show(User.objects.count(), list(User.objects.order_by("id").iterator(chunk_size=7))[-1].username)
    call_command("migrate", "auth", "0008", verbosity=0)
    call_command("migrate", "auth", verbosity=0)
    call_command("migrate", "admin", "zero", verbosity=0)
    show(sorted(connection.introspection.table_names()))
    show(call_command("showmigrations", "auth", verbosity=0) is None)


show("## alembic")
through_alembic()
show("## django")
through_django()
sys.stdout.flush()
