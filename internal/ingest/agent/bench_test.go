package agent

import (
	"strings"
	"testing"
)

func BenchmarkHook(b *testing.B) {
	body := strings.Repeat("func Login() error { return nil }\n", 1<<20/34)
	for _, bb := range []struct {
		name    string
		payload any
	}{
		{"Read", claude("PostToolUse", tool("Read", object{"file_path": "/home/dev/shop/README.md"}), object{"tool_response": object{"file": object{"numLines": 2, "content": "# shop\n"}}})},
		{"Bash", claude("PostToolUse", bash("git add auth.go && git commit -q -m 'feat: x' && git log -1 --format=%H"), object{"tool_response": object{"stdout": "9502cd83ef69098d4815c77c6a08278200f1be51", "stderr": ""}})},
		{"Write1MB", claude("PostToolUse", tool("Write", object{"file_path": "/home/dev/shop/auth.go", "content": body}), object{"tool_response": object{"type": "create", "content": body, "structuredPatch": []any{}}})},
	} {
		payload := encode(b, bb.payload)
		s := surroundings()
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if len(Hook(payload, s).Events) == 0 {
					b.Fatal("nothing is told")
				}
			}
		})
	}
}
