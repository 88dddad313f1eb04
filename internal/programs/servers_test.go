//go:build linux

package programs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/autokill/autokill/internal/testproc"
)

// A daemon's starter ends at once, and with the command that autokill runs all ends.
// So a shell starts the daemon and stays, as a script does that has more to do.
const stay = "; echo started; exec sleep 1000"

// get asks an HTTP server on a unix socket for a page.
func (s *stage) get(socket, page string) string {
	s.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return s.dial(socket) },
	}}
	response, err := client.Get("http://localhost" + page)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.Fatalf("%s %q, %v", response.Status, body, err)
	}
	return string(body)
}

// dial connects to a socket in the directory.
func (s *stage) dial(socket string) (net.Conn, error) {
	return net.Dial("unix", filepath.Join(s.dir, socket))
}

// playNginx: each worker answers with its pid, and after a reload new ones do.
func playNginx(s *stage) string {
	s.file("www/page", "hello")
	s.file("nginx.conf", `
pid nginx.pid;
worker_processes 3;
events {}
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server {
		listen unix:`+s.dir+`/nginx.sock;
		root www;
		location /worker { return 200 $pid; }
	}
}
`)
	nginx := "nginx -e stderr -p " + s.dir + " -c nginx.conf"
	d := s.start("sh", "-c", nginx+"; echo started; read line; "+nginx+" -s reload"+stay)
	d.expect("started")
	if got := s.get("nginx.sock", "/page"); got != "hello" {
		s.Fatalf("the page is %q", got)
	}
	before := s.get("nginx.sock", "/worker")
	d.say("reload")
	d.expect("started")
	waitFor(s, "worker but "+before, func() error {
		if s.get("nginx.sock", "/worker") == before {
			return errors.New("it is still there")
		}
		return nil
	})
	return ""
}

func playRedis(s *stage) string {
	d := s.start("sh", "-c", "redis-server --port 0 --unixsocket "+s.dir+"/redis.sock --daemonize yes --logfile redis.log"+stay)
	d.expect("started")
	var conn net.Conn
	waitFor(s, "a connection", func() (err error) {
		conn, err = s.dial("redis.sock")
		return err
	})
	defer conn.Close()
	replies := bufio.NewReader(conn)
	ask := func(command, want string) {
		s.Helper()
		_ = conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
			s.Fatal(err)
		}
		if got, err := replies.ReadString('\n'); err != nil || !strings.HasPrefix(got, want) {
			s.Fatalf("%s: %q, %v; want %q", command, got, err, want)
		}
	}
	ask("INCRBY answer 40", ":40")
	ask("INCRBY answer 2", ":42")
	ask("BGSAVE", "+Background saving started") // by a child of the server
	waitFor(s, "the snapshot", func() error {
		_, err := os.Stat(filepath.Join(s.dir, "dump.rdb"))
		return err
	})
	return ""
}

// waitFor asks for what is on its way, until there is no error.
func waitFor(s *stage, what string, ask func() error) {
	s.Helper()
	deadline := time.Now().Add(testproc.Patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("no %s: %v", what, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
