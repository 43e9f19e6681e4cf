package agent

import "testing"

func TestTargets(t *testing.T) {
	t.Parallel()
	tests := []struct{ cwd, root, home, name, want string }{
		{"/home/dev/shop", "/home/dev/shop", "/home/dev", "/home/dev/shop/a.go", "a.go"},
		{"/home/dev/shop/sub", "/home/dev/shop", "/home/dev", "a.go", "sub/a.go"},
		{"/home/dev/shop/sub", "/home/dev/shop", "/home/dev", "../../x", "~/x"},
		{"/home/dev/shop", "/home/dev/shop", "/home/dev", "/home/dev/shop", "."},
		{"/home/dev/shop", "/home/dev/shop/", "/home/dev/", "/home/dev/shopping/a", "~/shopping/a"},
		{"/home/dev/shop", "", "/home/dev", "/home/dev/shop/a", "~/shop/a"},
		{"/home/dev/shop", "", "/home/dev", "/home/dev", "~"},
		{"/home/dev/shop", "", "", "/home/dev/x", "/home/dev/x"},
		{"/", "/", "/", "/etc/passwd", "/etc/passwd"},
		{"/home/dev/shop", "/home/dev/shop", "/home/dev", "~/notes", "~/notes"},
		{"/home/dev/shop", "/home/dev/shop", "/home/dev", `a\b`, `a\b`},
		{`C:\w\shop`, `C:\w\shop`, `C:\Users\d`, `C:\w\shop\a\b.go`, "a/b.go"},
		{`C:\w\shop`, "C:/w/shop", `C:\Users\d`, `C:\Users\d\x`, "~/x"},
		{`C:\w\shop`, "C:/w/shop", "", `D:\x`, "D:/x"},
		{"", "", "", "a", "a"},
		{"/w", "/w", "", "", ""},
	}
	for _, tt := range tests {
		if got := newPlace(tt.cwd, tt.root, tt.home).target(tt.name); got != tt.want {
			t.Errorf("in %s of %s: %q is told as %q, want %q", tt.cwd, tt.root, tt.name, got, tt.want)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://example.com":                     "https://example.com",
		"http://user:pass@example.com:8080/a?b#c": "http://example.com:8080/a",
		"HTTPS://example.com/%2Fa":                "https://example.com/%2Fa",
		"file:///etc/passwd":                      "",
		"example.com/a":                           "",
		"https://":                                "",
		"https://exa mple.com":                    "",
		"data:text/html,secret":                   "",
		"":                                        "",
	} {
		if got := page(address); got != want {
			t.Errorf("%s is told as %q, want %q", address, got, want)
		}
	}
}
