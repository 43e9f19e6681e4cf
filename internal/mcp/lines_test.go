package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/mcp"
)

// TestLinesThatAreNoMessages writes what is none while a call is in flight: it is
// answered, and so is the call.
func TestLinesThatAreNoMessages(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	desk := &mcp.Desk{Now: time.Now, Why: func(context.Context, string) (*ask.Why, error) {
		close(asked)
		<-answer
		return &ask.Why{Question: "HEAD"}, nil
	}}
	in, client := io.Pipe()
	server, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- mcp.Serve(t.Context(), desk, "test", in, out) }()
	answers := bufio.NewScanner(server)
	tell := func(line string) {
		t.Helper()
		if _, err := io.WriteString(client, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(id string, code int) {
		t.Helper()
		if !answers.Scan() {
			t.Fatalf("no answer: %v", answers.Err())
		}
		var a struct {
			ID    json.RawMessage
			Error struct{ Code int }
		}
		if err := json.Unmarshal(answers.Bytes(), &a); err != nil {
			t.Fatalf("%s: %v", answers.Bytes(), err)
		}
		if string(a.ID) != id || a.Error.Code != code {
			t.Fatalf("%s: want id %s and code %d", answers.Bytes(), id, code)
		}
	}
	const parse, invalid = -32700, -32600
	tell("history\n") // with an empty line behind it
	hear("null", parse)
	tell(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}} ` + "\r")
	hear("1", 0)
	tell(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	tell(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"why","arguments":{"subject":"HEAD"}}}`)
	<-asked
	for line, code := range map[string]int{
		`{"jsonrpc":"2.0","id":3,`: parse, `7`: invalid, `{}`: invalid, `[]`: invalid, `[7]`: invalid, `{"jsonrpc":"1.0","id":3,"method":"ping"}`: invalid,
		`"` + strings.Repeat("x", 9<<20) + `"`: invalid,
	} {
		tell(line)
		hear("null", code)
	}
	close(answer)
	hear("2", 0)
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
