package otlp

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/otlp.md anew")

// meanings say what each field is taken for, for people.
var meanings = map[Field]string{
	fieldService: "program", fieldServiceVersion: "its version", fieldNamespace: "squad, of the resource", fieldAgent: "agent, as squad/agent",
	fieldAgentName: "agent", fieldAgentLabel: "agent, of the resource; kind of sub-agent, of Claude Code's records", fieldSquad: "squad", fieldExecution: "run that is joined",
	fieldTrigger: "trigger", fieldEmail: "person", fieldAccount: "person", fieldEvent: "event", fieldEventTime: "time", fieldSequence: "number of the record",
	fieldSession: "session", fieldPrompt: "id of the prompt", fieldSubagent: "sub-agent", fieldSubagentKind: "kind of sub-agent", fieldOperation: "operation", fieldProvider: "provider",
	fieldModel: "model asked for", fieldResponseModel: "model that answered", fieldInput: "input tokens", fieldOutput: "output tokens", fieldCacheRead: "tokens read from a cache",
	fieldCacheWrite: "tokens written to a cache", fieldCacheWrite1h: "those kept for an hour", fieldReasoning: "reasoning tokens", fieldToolTokens: "tokens of what tools gave, of Gemini", fieldCostUSD: "cost", fieldCostMicros: "cost in millionths",
	fieldRequest: "id of the request", fieldResponse: "id of the answer", fieldKind: "kind of event", fieldTool: "tool", fieldCall: "id of the call",
	fieldArguments: "arguments, for path and command", fieldParameters: "parameters, for command and commit", fieldOutputText: "output, for the exit status and what proves it",
	fieldPath: "path", fieldCommand: "command", fieldSuccess: "success", fieldDecision: "decision", fieldDecider: "what decided", fieldMode: "permission mode", fieldDuration: "duration",
	fieldServer: "MCP server", fieldMethod: "MCP method", fieldErrorType: "kind of error", fieldStatus: "HTTP status", fieldRevision: "commit", fieldBranch: "branch",
	fieldHookEvent: "event of a hook", fieldHookType: "kind of hook", fieldHookSource: "where the hook is set", fieldFromMode: "permission mode before", fieldToMode: "permission mode after",
}

// The documentation lists every attribute that is read, and no other.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	for _, a := range aliases {
		if meanings[a.field] == "" {
			t.Errorf("nobody says what %v mean", a.names)
		}
		table.WriteString("| " + meanings[a.field] + " | `" + strings.Join(a.names, "`, `") + "` |\n")
	}
	const path, head = "../../../docs/otlp.md", "|---|---|\n| program |"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Replace(string(text), "ALIASES\n", table.String()+"\n", 1)
	if before, rest, ok := strings.Cut(page, head); ok {
		_, after, _ := strings.Cut(rest, "\n\n")
		page = before + strings.TrimSuffix(head, "| program |") + table.String() + "\n" + after
	}
	if page == string(text) {
		return
	}
	if !*update {
		t.Fatal("docs/otlp.md is not what is read: go test ./internal/ingest/otlp -update")
	}
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
}
