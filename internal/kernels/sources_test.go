package kernels

import (
	"strings"
	"testing"
)

const debian12 = "ID=debian\nVERSION_CODENAME=bookworm\n"

func TestChooseMirror(t *testing.T) {
	tests := []struct {
		name      string
		osRelease string
		deb822    string
		oneLine   string
		want      Mirror
		failure   string
	}{
		{
			name: "deb822", osRelease: debian12,
			deb822: `# the main archive
Types: deb deb-src
# a comment between the fields
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/archive.gpg
`,
			want: Mirror{"http://mirror.example/debian", "/usr/share/keyrings/archive.gpg"},
		},
		{
			name: "not the security archive, nor what others have installed", osRelease: debian12,
			deb822: `Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://tools.example/deb
Suites: nodistro
Components: main
 
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
`,
			want: Mirror{URI: "http://mirror.example/debian"},
		},
		{
			name: "a key in the field", osRelease: debian12,
			deb822: "Types: deb\nURIs: http://mirror.example/debian\nSuites: stable\nComponents: main\nSigned-By:\n -----BEGIN\n .\n END\n",
			want:   Mirror{"http://mirror.example/debian", "\n -----BEGIN\n .\n END"},
		},
		{
			name: "one line", osRelease: debian12,
			oneLine: `# deb http://comment.example bookworm main
deb-src http://source.example/debian bookworm main
deb cdrom:[Debian]/ bookworm main
deb [arch=amd64 signed-by=/key.gpg] http://mirror.example/debian bookworm main contrib # ours
`,
			want: Mirror{"http://mirror.example/debian", "/key.gpg"},
		},
		{
			name: "one line without options", osRelease: "ID=debian\n",
			oneLine: "deb   http://mirror.example/debian   sid   main\n",
			want:    Mirror{URI: "http://mirror.example/debian"},
		},
		{
			name: "a flat repository only", osRelease: debian12,
			oneLine: "deb http://flat.example/ ./\n",
			failure: "no Debian mirror",
		},
		{
			name: "another distribution", osRelease: "ID=ubuntu\nVERSION_CODENAME=noble\n",
			oneLine: "deb http://mirror.example/ubuntu noble main\n",
			failure: "the kernels are Debian's",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			all := append(parseDeb822(test.deb822), parseOneLine(test.oneLine)...)
			got, err := chooseMirror(test.osRelease, all)
			if test.failure != "" {
				if err == nil || !strings.Contains(err.Error(), test.failure) {
					t.Fatalf("error %v, want %q", err, test.failure)
				}
				return
			}
			if err != nil || got != test.want {
				t.Fatalf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}
