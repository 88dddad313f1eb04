// Command autokill runs programs that cannot outlive it. See autokill --help.
package main

import (
	"os"

	"github.com/autokill/autokill/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
