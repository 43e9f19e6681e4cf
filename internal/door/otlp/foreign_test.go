package otlp_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// telemetrygen builds the OpenTelemetry project's own generator of telemetry:
// its exporters are the SDK's. It has a module of its own, tools/telemetrygen,
// so that none of what it needs is near what we ship.
func telemetrygen(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "telemetrygen")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("..", "..", "..", "tools", "telemetrygen"), "-o", program,
		"github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("couldn't build telemetrygen: %v", err)
	}
	return program
}

// A foreign client is understood, believes our answers, and sends nothing twice.
func TestForeignClient(t *testing.T) {
	t.Parallel()
	program := telemetrygen(t)
	d := newDoor(t)
	s := httptest.NewServer(d)
	defer s.Close()
	send := func(signal string, more ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		args := append([]string{
			signal, "--otlp-http", "--otlp-insecure", "--otlp-endpoint", strings.TrimPrefix(s.URL, "http://"), "--otlp-http-url-path", "/v1/" + signal,
			"--rate", "0", "--workers", "2", "--otlp-attributes", `service.name="ticket-bot"`, "--otlp-attributes", `team.id="support"`,
		}, more...)
		if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
			t.Fatalf("telemetrygen %s: %v\n%s", signal, err, out)
		}
	}
	attributes := func(list ...string) (args []string) {
		for _, a := range list {
			args = append(args, "--telemetry-attributes", a)
		}
		return args
	}
	send("traces", append(attributes(
		`gen_ai.operation.name="chat"`, `gen_ai.provider.name="openai"`, `gen_ai.response.model="gpt-4.1"`, `gen_ai.conversation.id="c-1"`,
		`gen_ai.usage.input_tokens=100`, `gen_ai.usage.output_tokens=10`, `gen_ai.input.messages="hello"`), "--traces", "50", "--child-spans", "1")...)
	send("logs", append(attributes(
		`event.name="gen_ai.client.inference.operation.details"`, `gen_ai.response.model="gpt-4.1"`, `gen_ai.response.id="resp-7"`, `gen_ai.conversation.id="c-1"`,
		`gen_ai.usage.input_tokens=100`, `gen_ai.usage.output_tokens=10`), "--logs", "50", "--body", "hello")...)
	send("logs", "--logs", "50") // of no agent
	send("metrics", "--metrics", "20")
	rows, err := d.store.Events(t.Context(), org, store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, r := range rows {
		count[fmt.Sprint(r.What, " ", r.Actor, " ", r.Source, " ", r.Session)]++
	}
	who := " agent:support/ticket-bot otlp:ticket-bot c-1"
	// Two workers make 50 traces of two spans each; all their log records have one answer's id.
	if count["model.call"+who] != 201 || count["execution.start"+who] != 1 || len(count) != 2 {
		t.Errorf("recorded: %v", count)
	}
}
