// hold.js COMMAND...: run COMMAND, which dies with this program, kill -9 included.
//
// Node reads from every pipe that it makes, which would kill a child that is held by it
// directly. So autokill stays between: it holds COMMAND, and watches descriptor 3, whose other
// end only this program has.

const { spawn } = require('node:child_process')

const child = spawn('autokill', ['run', '--hold', '3', '--', ...process.argv.slice(2)], {
  stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
})
child.on('spawn', () => console.log('held', child.pid)) // the pid of autokill
child.on('exit', (code, signal) => console.log('ended', code ?? signal))
// child.stdio[3].destroy() would kill COMMAND and all that it has started.
