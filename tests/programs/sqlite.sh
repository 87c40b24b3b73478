# SPDX-License-Identifier: BSD-2-Clause
#
# A database of 100 000 rows in a file, with a write-ahead log: its index is memory that two
# processes share, and one sees the snapshot it began with while the other writes.
cd "$(mktemp -d)" || exit

sqlite3 a.db <<'SQL'
PRAGMA journal_mode = WAL;
PRAGMA mmap_size = 67108864;
CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, v TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO t SELECT i, i * 7919 % 100003, 'row ' || i FROM n;
CREATE INDEX by_k ON t(k);
SELECT count(*), sum(k), max(v) FROM t;
PRAGMA integrity_check;
SQL

mkfifo in
sqlite3 a.db <in >out &
reader=$!
exec 3>in
# Until the reader has said so many lines.
said() { for _ in $(seq 200); do [ "$(wc -l <out)" -ge "$1" ] && return; sleep 0.05; done; echo "reader: no answer"; }
echo "BEGIN; SELECT count(*) FROM t;" >&3
said 1
sqlite3 a.db 'DELETE FROM t WHERE id % 2; SELECT count(*) FROM t;'
grep -c 'rw-s.* .*/a.db-shm$' /proc/$reader/maps
echo "SELECT count(*) FROM t; COMMIT; SELECT count(*) FROM t;" >&3
said 3
# A writer that holds its lock, and one that waits for it.
echo "BEGIN IMMEDIATE; UPDATE t SET v = 'x' WHERE id < 1000; SELECT 'locked';" >&3
said 4
sqlite3 a.db 'DELETE FROM t WHERE id = 2' 2>&1
(sleep 0.3; echo "COMMIT;" >&3) &
sqlite3 -cmd '.timeout 20000' a.db "UPDATE t SET v = 'y' WHERE id = 4; SELECT 'had its turn';"
exec 3>&-
wait
cat out
# One that dies in a transaction leaves no trace.
exec 3<>in
sqlite3 a.db <in >out &
echo "BEGIN; DELETE FROM t; SELECT 'deleted';" >&3
said 1
pid=$!
disown # so that bash says nothing of its end
kill -9 $pid
while kill -0 $pid 2>/dev/null; do sleep 0.05; done
exec 3>&-
sqlite3 a.db <<'SQL'
SELECT count(*), sum(v = 'x'), sum(v = 'y') FROM t;
PRAGMA wal_checkpoint(TRUNCATE);
PRAGMA integrity_check;
VACUUM;
PRAGMA journal_mode = DELETE;
SELECT printf('%.3f', avg(k)) FROM t WHERE k BETWEEN 1000 AND 50000;
SQL
ls
