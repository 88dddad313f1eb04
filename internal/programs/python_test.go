//go:build linux

package programs

func playMultiprocessing(s *stage) string {
	s.file("play.py", `
import multiprocessing, time

def square(n):
    return n * n

if __name__ == "__main__":
    pools = []
    for method in "fork", "spawn", "forkserver":
        pool = multiprocessing.get_context(method).Pool(3)
        print(method, sum(pool.map(square, range(1001))), flush=True)
        pools.append(pool)
    print("ready", flush=True)
    time.sleep(1000)
`)
	d := s.start("python3", "play.py")
	for _, method := range []string{"fork", "spawn", "forkserver"} {
		d.expect(method + " 333833500")
	}
	d.expect("ready")
	return ""
}

// playKillpg is how Python programs end a command and what that has started.
func playKillpg(s *stage) string {
	s.file("play.py", `
import errno, os, signal, subprocess, time

child = subprocess.Popen(["sh", "-c", "sleep 1000 & wait"], start_new_session=True)
try:
    os.killpg(child.pid, signal.SIGTERM)
except OSError as e:
    print(errno.errorcode[e.errno], flush=True)
    child.kill()
    child.wait()
else:
    print("ended" if child.wait() == -signal.SIGTERM else child.returncode, flush=True)
subprocess.Popen(["sleep", "1000"], start_new_session=True)
print("ready", flush=True)
time.sleep(1000)
`)
	d := s.start("python3", "play.py")
	said := d.line()
	d.expect("ready")
	if said != "ended" {
		return "`killpg` is " + said
	}
	return ""
}
