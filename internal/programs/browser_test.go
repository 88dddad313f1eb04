//go:build linux

package programs

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"time"
)

// page reports what its own script has drawn, laid out and computed: a browser that
// does not render has nothing to tell.
const page = `<!doctype html>
<canvas id=canvas width=10 height=10></canvas>
<div id=box style="width: 6em; font-size: 7px">text</div>
<script>
const paint = canvas.getContext('2d')
paint.fillStyle = 'rgb(1, 2, 3)'
paint.fillRect(0, 0, 10, 10)
const pixel = paint.getImageData(5, 5, 1, 1).data.slice(0, 3)
fetch('/report', {method: 'POST', body: box.getBoundingClientRect().width + ' pixels wide, colour ' + pixel})
</script>`

// playChromium: the browser reports to a server of the test, and stays. Its sandbox
// is tried first, except as root, for whom it refuses that.
func playChromium(s *stage) string {
	reports := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/report" {
			body, _ := io.ReadAll(r.Body)
			reports <- string(body)
		}
		_, _ = io.WriteString(w, page)
	}))
	s.Cleanup(server.Close)
	browse := func(flags ...string) bool {
		s.Helper()
		argv := append([]string{"chromium", "--headless", "--user-data-dir=" + s.dir + "/profile", "--remote-debugging-port=0"}, flags...)
		d := s.start(append(argv, server.URL)...)
		ended := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, d.out)
			close(ended)
		}()
		select {
		case got := <-reports:
			if want := "42 pixels wide, colour 1,2,3"; got != want {
				s.Fatalf("the page is %q, want %q", got, want)
			}
			return true
		case <-ended:
			return false
		case <-time.After(patience):
			s.Fatal("the browser has not reported")
			return false
		}
	}
	if s.user == root {
		if !browse("--no-sandbox") {
			s.Fatal("the browser has ended")
		}
		return ""
	}
	if browse() {
		return ""
	}
	why := fmt.Sprintf("it ends: %v", s.holder.Wait())
	if s.holder.ProcessState.ExitCode() == 128+int(syscall.SIGTRAP) {
		// It can make a user namespace, so it counts on the PID namespace as well.
		why = "its own sandbox wants a PID namespace and crashes; works with `--no-sandbox`"
	}
	if !browse("--no-sandbox") {
		s.Fatal("it ends without its sandbox as well; before: ", why)
	}
	return why
}
