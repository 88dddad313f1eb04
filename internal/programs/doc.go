// Package programs has tests only: real programs do real work under every scope of
// autokill run and then lose their holder, and autokill stands side by side with
// its peers. `make trees` writes what they find into docs/trees.md.
package programs
