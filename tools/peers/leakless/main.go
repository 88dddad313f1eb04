// Command leakless runs a command under leakless, as its README shows.
package main

import (
	"log"
	"os"

	"github.com/ysmood/leakless"
)

func main() {
	cmd := leakless.New().Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		log.Fatal(err)
	}
}
