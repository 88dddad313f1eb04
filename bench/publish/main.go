// Command publish makes the tables of docs/benchmarks.md and its plots of what benchmarks have
// recorded.
//
//	go run ./publish -record ../docs/benchmarks/results.json -document ../docs/benchmarks.md -plots ../docs/benchmarks
package main

import (
	"flag"
	"log"

	"github.com/autokill/autokill/bench/record"
	"github.com/autokill/autokill/bench/target"
	"github.com/autokill/autokill/internal/evidence"
)

func main() {
	log.SetFlags(0)
	file := flag.String("record", "", "the `file` of the results")
	document := flag.String("document", "", "the `document` with places for targets, runs and results")
	plots := flag.String("plots", "", "the `directory` of the plots")
	flag.Parse()
	results, err := record.Load(*file)
	if err != nil {
		log.Fatal(err)
	}
	for section, text := range map[string]string{
		"targets": targetTable(target.Targets, results),
		"runs":    runList(results),
		"results": resultTables(subjects, results),
	} {
		if err := evidence.Put(*document, section, text); err != nil {
			log.Fatal(err)
		}
	}
	if err := drawAll(*plots, target.Targets, results); err != nil {
		log.Fatal(err)
	}
}
