//go:build linux

package programs

func playBash(s *stage) string {
	script := s.file("play", `
set -o pipefail
echo "sevens $(seq 1 100000 | grep 7 | sort -rn | uniq | wc -l)"
tee >(wc -l >lines) < <(seq 1 10) | paste -sd+ | { read -r sum; echo "sum $((sum))"; }
coproc upper { tr a-z A-Z; }
echo hello >&"${upper[1]}"
eval "exec ${upper[1]}>&-"
read -r heard <&"${upper[0]}"
echo "heard $heard"
sleep 1000 | cat &
(trap '' HUP TERM INT; sleep 1000 & wait) &
echo ready
wait
`)
	d := s.start("bash", script)
	d.expect("sevens 40951")
	d.expect("sum 55")
	d.expect("heard HELLO")
	d.expect("ready")
	return ""
}

// playTimeout: timeout(1) makes a group of its own and signals all of it. The script
// looks whether that reaches what the command has started.
func playTimeout(s *stage) string {
	script := s.file("play", `#!/bin/sh
timeout 0.2 sleep 1000
echo "status $?"
timeout 1000 sh -c 'sleep 1000 & echo $! >child; mv child pid; wait' &
clock=$!
until [ -e pid ]; do sleep 0.1; done
kill $clock # which is as if its time were over
wait $clock
read -r pid <pid
waited=0
while [ $waited -lt 50 ] && grep -q '^State:.[RSD]' /proc/$pid/status 2>/dev/null; do
	sleep 0.1
	waited=$((waited + 1))
done
[ $waited -lt 50 ] && echo gone || echo 'ends the command, but not what the command has started'
timeout 1000 sh -c 'sleep 1000 & wait' &
echo ready
wait
`)
	d := s.start(script)
	d.expect("status 124")
	said := d.line()
	d.expect("ready")
	if said != "gone" {
		return said
	}
	return ""
}
