//go:build linux

package programs

// playNpx is a package with a server in node_modules/.bin: npx starts a shell, and
// that starts the server.
func playNpx(s *stage) string {
	s.file("package.json", `{"name": "play", "version": "1.0.0", "private": true}`)
	s.file("node_modules/.bin/answer", `#!/usr/bin/env node
const server = require('http').createServer((request, response) => response.end(String(6 * 7)))
server.listen('node.sock', () => console.log('listening'))
`)
	s.env = append(s.env, "npm_config_offline=true", "npm_config_update_notifier=false")
	s.start("npx", "--no-install", "answer").expect("listening")
	if got := s.get("node.sock", "/"); got != "42" {
		s.Fatalf("the answer is %q", got)
	}
	return ""
}

// playNodeDetached is how node programs end a child and what it has started: a group
// of its own, and a signal to that group.
func playNodeDetached(s *stage) string {
	s.file("play.js", `
const {spawn} = require('child_process')
const child = spawn('sh', ['-c', 'sleep 1000 & wait'], {detached: true, stdio: 'ignore'})
child.on('exit', (code, signal) => {
	if (signal == 'SIGTERM') console.log('ended')
	spawn('sleep', ['1000'], {detached: true, stdio: 'ignore'})
	console.log('ready')
})
child.on('spawn', () => {
	try {
		process.kill(-child.pid)
	} catch (e) {
		console.log(e.code)
		child.kill('SIGKILL')
	}
})
`)
	d := s.start("node", "play.js")
	said := d.line()
	d.expect("ready")
	if said != "ended" {
		return "`kill(-pid)` is " + said
	}
	return ""
}
