// The peers that are Go programs, in a module of their own: nobody depends on them.
module github.com/autokill/autokill/tools/peers

go 1.26.0

require github.com/ysmood/leakless v0.9.0

require (
	github.com/DarthSim/godotenv v1.3.1 // indirect
	github.com/DarthSim/hivemind v1.1.0 // indirect
	github.com/cpuguy83/go-md2man/v2 v2.0.0-20190314233015-f79a8a8ca69d // indirect
	github.com/joho/godotenv v1.4.0 // indirect
	github.com/pkg/term v1.2.0-beta.2 // indirect
	github.com/russross/blackfriday/v2 v2.0.1 // indirect
	github.com/shurcooL/sanitized_anchor_name v1.0.0 // indirect
	github.com/urfave/cli v1.22.5 // indirect
	golang.org/x/sys v0.0.0-20211124211545-fe61309f8881 // indirect
)

tool github.com/DarthSim/hivemind
