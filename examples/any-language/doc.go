// Package anylanguage has small programs in other languages. Each of them, given a COMMAND,
// runs it so that it dies with the program, kill -9 included, and says how it has ended.
//
// docs/any-language.md explains what they do. Here are the tests, which run them.
package anylanguage
