package model_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/testenv/model"
)

// small is a script with one of everything.
const small = `{
  "prompt": "go", "model": "m-large",
  "main": [
    {"text": "Grüße, ` + "日本語" + `", "tools": [{"name": "Bash", "input": {"command": "echo 'a long command that does not fit into one single piece of sixty-four bytes'"}}],
     "usage": {"input": 1, "output": 20, "cache_read": 300, "cache_write_5m": 4000, "cache_write_1h": 50000}},
    {"error": {"status": 529, "type": "overloaded_error", "message": "Overloaded", "times": 2}, "text": "done", "usage": {"input": 2, "output": 3}},
    {"error": {"status": 400, "type": "invalid_request_error", "message": "Never"}, "usage": {"input": 9, "output": 9}}
  ],
  "agents": [{"marker": "SUB-ONE", "turns": [{"model": "m-small", "text": "sub", "usage": {"input": 5, "output": 7}}]}]
}`

func start(t *testing.T) *model.Server {
	t.Helper()
	parsed, err := model.Parse([]byte(small), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := model.Start(parsed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask sends a request of a conversation that has had some answers, and gives the status, the request's id and the body.
func ask(t *testing.T, s *model.Server, stream bool, opening any, answers int) (int, string, string) {
	t.Helper()
	messages := []map[string]any{{"role": "user", "content": opening}}
	for range answers {
		messages = append(messages, map[string]any{"role": "assistant", "content": "x"}, map[string]any{"role": "user", "content": "y"})
	}
	return post(t, s, map[string]any{"model": "asked", "stream": stream, "tools": []any{map[string]any{"name": "Bash"}}, "messages": messages})
}

func post(t *testing.T, s *model.Server, body any) (int, string, string) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(s.URL+"/v1/messages", "application/json", strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Header.Get("request-id"), string(answer)
}

func TestStreamedAnswerAddsUpToTheWholeOne(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, _, text := ask(t, s, false, "go", 0)
	var whole map[string]any
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatal(err)
	}
	_, _, events := ask(t, s, true, "go", 0)
	streamed, firstOutput := assemble(t, events)
	if firstOutput != 1.0 {
		t.Errorf("the start of the stream claims %v tokens of output, want 1", firstOutput)
	}
	for _, m := range []map[string]any{whole, streamed} {
		delete(m, "id")
		for _, b := range m["content"].([]any) {
			delete(b.(map[string]any), "id")
		}
	}
	if diff := cmp.Diff(whole, streamed); diff != "" {
		t.Errorf("whole (-) and streamed (+) answer differ:\n%s", diff)
	}
	usage := whole["usage"].(map[string]any)
	if usage["cache_creation_input_tokens"] != 54000.0 || usage["output_tokens"] != 20.0 || whole["stop_reason"] != "tool_use" {
		t.Errorf("unexpected answer: %v", whole)
	}
}

// assemble does what a client does: it puts a message together from its events.
func assemble(t *testing.T, events string) (message map[string]any, firstOutput any) {
	t.Helper()
	content, inputs := []any{}, map[int]string{}
	scanner := bufio.NewScanner(strings.NewReader(events))
	name, last := "", ""
	for scanner.Scan() {
		if n, ok := strings.CutPrefix(scanner.Text(), "event: "); ok {
			name, last = n, n
			continue
		}
		data, ok := strings.CutPrefix(scanner.Text(), "data: ")
		if !ok {
			continue
		}
		var e struct {
			Type    string         `json:"type"`
			Index   int            `json:"index"`
			Message map[string]any `json:"message"`
			Block   map[string]any `json:"content_block"`
			Delta   map[string]any `json:"delta"`
			Usage   map[string]any `json:"usage"`
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil || e.Type != name {
			t.Fatalf("event %s carries %s: %v", name, data, err)
		}
		switch name {
		case "message_start":
			message, firstOutput = e.Message, e.Message["usage"].(map[string]any)["output_tokens"]
		case "content_block_start":
			content = append(content, e.Block)
		case "content_block_delta":
			block := content[e.Index].(map[string]any)
			if e.Delta["type"] == "text_delta" {
				block["text"] = block["text"].(string) + e.Delta["text"].(string)
			} else {
				inputs[e.Index] += e.Delta["partial_json"].(string)
			}
		case "content_block_stop":
			if text, ok := inputs[e.Index]; ok {
				var input any
				if err := json.Unmarshal([]byte(text), &input); err != nil {
					t.Fatal(err)
				}
				content[e.Index].(map[string]any)["input"] = input
			}
		case "message_delta":
			message["stop_reason"], message["usage"] = e.Delta["stop_reason"], e.Usage
		}
	}
	if last != "message_stop" {
		t.Fatalf("the stream ends with %s", last)
	}
	message["content"] = content
	return message, firstOutput
}

func TestTurnIsChosenByTheConversation(t *testing.T) {
	t.Parallel()
	blocks := []any{map[string]any{"type": "text", "text": "<reminder>"}, map[string]any{"type": "text", "text": "SUB-ONE, please"}}
	tests := []struct {
		name    string
		opening any
		answers int
		want    model.Call
	}{
		{"first", "go", 0, model.Call{Conversation: model.Main, Turn: 0, Model: "m-large", Status: 200, Complete: true}},
		{"sub-agent, text", "SUB-ONE", 0, model.Call{Conversation: "SUB-ONE", Turn: 0, Model: "m-small", Status: 200, Complete: true}},
		{"sub-agent, blocks", blocks, 0, model.Call{Conversation: "SUB-ONE", Turn: 0, Model: "m-small", Status: 200, Complete: true}},
		{"sub-agent, no turn left", blocks, 1, model.Call{Conversation: "SUB-ONE", Turn: -1, Model: "m-large", Status: 200, Complete: true}},
		{"always failing", "go", 2, model.Call{Conversation: model.Main, Turn: 2, Model: "m-large", Status: 400}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			status, id, _ := ask(t, s, false, test.opening, test.answers)
			got := s.Calls()[0]
			if status != test.want.Status || id != got.RequestID {
				t.Errorf("status %d, request %q; want %d, %q", status, id, test.want.Status, got.RequestID)
			}
			got.RequestID, got.MessageID, got.Requested, got.Usage = "", "", "", model.Usage{}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("call (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorPassesAfterItsTimes(t *testing.T) {
	t.Parallel()
	s := start(t)
	for i, want := range []int{529, 529, 200, 200} {
		if status, _, body := ask(t, s, true, "go", 1); status != want {
			t.Errorf("try %d: status %d, want %d: %s", i, status, want, body)
		}
	}
	if got, want := s.Total(), (model.Usage{Input: 4, Output: 6}); got != want {
		t.Errorf("handed out %+v, want %+v: errors cost nothing", got, want)
	}
}

func TestAccountOfCallsAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := start(t)
	const each = 20
	var callers sync.WaitGroup
	for range each {
		callers.Go(func() { ask(t, s, true, "go", 0) })
		callers.Go(func() { ask(t, s, false, "SUB-ONE", 0) })
		callers.Go(func() { // a title, perhaps: no tools, no conversation
			post(t, s, map[string]any{"model": "m-title", "messages": []any{map[string]any{"role": "user", "content": "SUB-ONE"}}})
		})
	}
	callers.Wait()
	want := map[string]model.Usage{
		"m-large": {Input: each, Output: 20 * each, CacheRead: 300 * each, CacheWrite5m: 4000 * each, CacheWrite1h: 50000 * each},
		"m-small": {Input: 5 * each, Output: 7 * each},
		"m-title": s.Total(model.Side),
	}
	if diff := cmp.Diff(want, s.ByModel()); diff != "" {
		t.Errorf("by model (-want +got):\n%s", diff)
	}
	if s.Total(model.Side) == (model.Usage{}) {
		t.Error("side answers cost nothing, so nobody would miss them")
	}
	seen := map[string]bool{}
	for _, c := range s.Calls() {
		if seen[c.RequestID] || !c.Complete {
			t.Errorf("request %s twice or incomplete", c.RequestID)
		}
		seen[c.RequestID] = true
	}
}

func TestOtherRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	tests := []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"HEAD", "/", "", 200, ""},
		{"GET", "/", "", 200, ""},
		{"POST", "/v1/messages/count_tokens", strings.Repeat("x", 400), 200, "{\"input_tokens\":100}\n"},
		{"POST", "/v1/messages", "{", 400, "invalid_request_error"},
		{"POST", "/v1/messages", `{"messages": []}`, 400, "invalid_request_error"},
		{"POST", "/v1/messages", strings.Repeat(" ", 33<<20), 413, "request_too_large"},
		{"GET", "/v1/models", "", 404, "not_found_error"},
	}
	for _, test := range tests {
		r, err := http.NewRequestWithContext(t.Context(), test.method, s.URL+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%s %s: %v", test.method, test.path, err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != test.status || !strings.Contains(string(text), test.answer) {
			t.Errorf("%s %s: %d %s, %v; want %d %s", test.method, test.path, answer.StatusCode, text, err, test.status, test.answer)
		}
	}
	if diff := cmp.Diff(map[string]int{"GET /v1/models": 1}, s.Unscripted()); diff != "" {
		t.Errorf("unscripted (-want +got):\n%s", diff)
	}
}

func ExampleServer_Total() {
	script, err := model.Scenario("/home/dev/shop")
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := model.Start(script)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }() // what it shows is said by then
	body := `{"model": "claude-sonnet-5", "tools": [{}], "messages": [{"role": "user", "content": "Add OAuth2 login"}]}`
	r, err := http.Post(server.URL+"/v1/messages", "application/json", strings.NewReader(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", server.Total())
	// Output: {Input:12 Output:61 CacheRead:0 CacheWrite5m:300 CacheWrite1h:14200}
}
