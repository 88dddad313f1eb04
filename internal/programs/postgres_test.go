//go:build linux

package programs

import "path/filepath"

// playPostgres makes a database, starts it by pg_ctl, which puts it into a session
// of its own, and stops it while a query runs: the server signals the groups of its
// sessions for that. A second query is left running.
func playPostgres(s *stage) string {
	bin, err := find("initdb")
	if err != nil {
		s.Fatal(err)
	}
	s.env = append(s.env, "PGHOST="+s.dir, "PGDATA="+s.dir+"/data", "PGUSER=play", "PGDATABASE=postgres",
		"PATH="+filepath.Dir(bin)+":"+path)
	script := s.file("play", `#!/bin/sh
set -e
initdb --no-sync --auth trust --username play >initdb.log
start() { pg_ctl start --wait --log server.log --options "-k $PGHOST -c listen_addresses='' -c fsync=off" >&2; }
long() { psql -Atc "SELECT 'running'" -c 'SELECT pg_sleep(1000)' & }
start
psql -Atc 'CREATE TABLE squares AS SELECT n, n*n AS square FROM generate_series(1, 1000) n' \
	-c 'CREATE INDEX ON squares (square)' -c 'SELECT sum(square) FROM squares'
long
read line
pg_ctl stop --wait --mode fast >&2
wait
echo stopped
start
psql -Atc 'SELECT n FROM squares WHERE square = 1764'
long
wait
`)
	d := s.start(script)
	d.expect("333833500")
	d.expect("running")
	d.say("stop")
	d.expect("stopped")
	d.expect("42")
	d.expect("running")
	return ""
}
