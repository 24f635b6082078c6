-- Files, programs, configuration, other sessions, other servers, replication.

-- @ refused | engineer agent service | COPY TO PROGRAM
COPY shop.accounts TO PROGRAM 'cat > {files}/stolen'
-- @ refused | engineer agent service | COPY FROM PROGRAM
COPY public.inbox (message) FROM PROGRAM 'touch {files}/ran; id'
-- @ refused | engineer agent service | COPY (query) TO PROGRAM
COPY (SELECT 1) TO PROGRAM 'touch {files}/ran'
-- @ refused | engineer agent service | COPY TO a file
COPY shop.accounts TO '{files}/stolen'
-- @ refused | engineer agent service | COPY FROM a file
COPY public.inbox (message) FROM '/etc/passwd'
-- @ refused | engineer agent service | pg_read_file
SELECT pg_read_file('/etc/passwd')
-- @ refused | engineer agent service | pg_read_binary_file in FROM
SELECT * FROM pg_read_binary_file('postgresql.conf')
-- @ refused | engineer agent service | pg_ls_dir
SELECT pg_ls_dir('/')
-- @ refused | engineer agent service | pg_stat_file
SELECT * FROM pg_stat_file('/etc/shadow')
-- @ refused | engineer agent service | pg_ls_logdir
SELECT * FROM pg_ls_waldir()
-- @ refused | engineer agent service | pg_current_logfile and friends
SELECT * FROM pg_hba_file_rules
-- @ refused | engineer agent service | lo_export
SELECT lo_export(4242, '{files}/object')
-- @ refused | engineer agent service | lo_import
SELECT lo_import('/etc/passwd')
-- @ refused | engineer agent service | lo_unlink
SELECT lo_unlink(4242)
-- @ refused | agent | lo_put over an object of others
SELECT lo_put(4242, 0, '\x00')
-- @ refused simple | engineer agent service | ALTER SYSTEM
ALTER SYSTEM SET log_statement = 'none'
-- @ refused simple | engineer agent service | ALTER SYSTEM RESET
ALTER SYSTEM RESET ALL
-- @ refused | engineer agent service | a setting of the database
ALTER DATABASE postgres SET search_path = evil
-- @ refused | engineer agent service | a setting of a role
ALTER ROLE postgres SET session_preload_libraries = 'evil'
-- @ refused | engineer agent service | a setting of all roles
ALTER ROLE ALL SET statement_timeout = 1
-- @ refused | engineer agent service | configuration loaded again
SELECT pg_reload_conf()
-- @ refused | engineer agent service | the log turned over
SELECT pg_rotate_logfile()
-- @ refused simple | engineer agent service | CREATE DATABASE
CREATE DATABASE mine
-- @ refused simple | engineer agent service | ALTER DATABASE … CONNECTION LIMIT
ALTER DATABASE postgres CONNECTION LIMIT 0
-- @ refused simple | engineer agent service | CREATE TABLESPACE
CREATE TABLESPACE mine LOCATION '{files}'
-- @ refused | engineer agent service | other sessions ended
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
-- @ refused | engineer agent service | other sessions cancelled
SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
-- @ refused | engineer agent service | other sessions ended, in a condition
SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND pg_terminate_backend(pid)
-- @ refused | engineer agent service | other sessions ended, in a DO block
DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid(); END $$
-- @ refused | engineer agent service | a foreign data wrapper
CREATE FOREIGN DATA WRAPPER mine
-- @ refused | engineer agent service | an extension that reads files as tables
CREATE EXTENSION file_fdw
-- @ refused | engineer agent service | a foreign server
CREATE SERVER away FOREIGN DATA WRAPPER mine
-- @ refused | engineer agent service | a user mapping
CREATE USER MAPPING FOR PUBLIC SERVER away OPTIONS (password 'x')
-- @ refused | engineer agent service | a foreign table
CREATE FOREIGN TABLE public.far (line text) SERVER away OPTIONS (filename '/etc/passwd')
-- @ refused | engineer agent service | IMPORT FOREIGN SCHEMA
IMPORT FOREIGN SCHEMA public FROM SERVER away INTO shop
-- @ refused | engineer agent service | a publication
CREATE PUBLICATION everything FOR ALL TABLES
-- @ refused simple | engineer agent service | a subscription
CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION everything WITH (connect = false)
-- @ refused | engineer agent service | a replication slot
SELECT pg_create_physical_replication_slot('mine')
-- @ refused | engineer agent service | a replication slot dropped
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
-- @ refused | engineer agent service | WAL switched
SELECT pg_switch_wal()
-- @ refused | engineer agent service | a backup begun
SELECT pg_backup_start('mine')
-- @ refused | engineer agent service | the server promoted
SELECT pg_promote()
-- @ refused | agent | CHECKPOINT
CHECKPOINT
-- @ refused | engineer agent service | a message planted into WAL
SELECT pg_logical_emit_message(false, 'x', 'y')
-- @ refused | agent | a sequence thrown back
SELECT setval('shop.orders_id_seq', 1, false)
