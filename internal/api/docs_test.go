package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/whodid/whodid/docs"
	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/ask"
)

// TestExamplesOfDocs runs the examples of docs/api.md, one after the other, as
// one script against a real server.
func TestExamplesOfDocs(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not here", program)
		}
	}
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 4 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, b := range blocks {
		script.WriteString(strings.ReplaceAll(b[1], "http://127.0.0.1:8484", "$SERVER"))
	}
	w := apitest.New(t, filepath.Join(t.TempDir(), "trail.db"))
	c := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	c.Env = append(os.Environ(), "SERVER="+w.URL, "TOKEN=admin", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, complaints.String())
	}
	for _, want := range []string{`"new":2`, `"runs": 1`, `"action_type": "file.write"`, "data: {", `"state": "conditional"`, "whodid/", "64"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the examples do not say %s:\n%s", want, out)
		}
	}
}

// document is as much of an OpenAPI document as the tests look at.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Responses   map[string]struct {
			Content map[string]struct {
				Schema json.RawMessage `json:"schema"`
			} `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

// TestOpenAPIIsValid holds the document against the schema that the OpenAPI
// Initiative publishes (testdata/openapi-3.1.json).
func TestOpenAPIIsValid(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/openapi-3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(docs.OpenAPI, &doc); err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(doc); err != nil {
		t.Error(err)
	}
	// A test that can't fail says nothing.
	doc.(map[string]any)["paths"].(map[string]any)["/v1/history"].(map[string]any)["get"].(map[string]any)["responses"] = "none"
	if err := resolved.Validate(doc); err == nil {
		t.Error("a document without responses is valid too")
	}
}

// answerSchemas are the schemas of the operations' answers, each whole in itself.
var answerSchemas = sync.OnceValue(func() map[string]*jsonschema.Resolved {
	var d document
	if err := json.Unmarshal(docs.OpenAPI, &d); err != nil {
		panic(err)
	}
	out := map[string]*jsonschema.Resolved{}
	for _, o := range api.Operations() {
		if o.Out == nil {
			continue
		}
		raw := d.Paths[o.Path][strings.ToLower(o.Method)].Responses[strconv.Itoa(o.Success())].Content["application/json"].Schema
		b, err := json.Marshal(map[string]any{"allOf": []json.RawMessage{raw}, "$defs": d.Components.Schemas})
		if err != nil {
			panic(err)
		}
		var schema jsonschema.Schema
		if err := json.Unmarshal(bytes.ReplaceAll(b, []byte("#/components/schemas/"), []byte("#/$defs/")), &schema); err != nil {
			panic(err)
		}
		if out[o.ID], err = schema.Resolve(nil); err != nil {
			panic(err)
		}
	}
	return out
})

// TestAnswersFitTheirSchemas asks every question, and holds the answers against
// the document.
func TestAnswersFitTheirSchemas(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		var x api.Started
		w.ok(&x, "admin", http.MethodPost, "/v1/executions", `{"agent":"eng/solver"}`)
		var e api.RecordedEvent
		w.ok(&e, "admin", http.MethodPost, "/v1/model-calls", `{"execution_id":"`+x.ExecutionID+`","model":"claude-sonnet-5","tokens_in":1,"tokens_out":1}`)
		w.ok(nil, "admin", http.MethodPost, "/v1/events", `{"actor":"agent:eng/solver","what":"test.run","result":"success","execution_id":"`+x.ExecutionID+`","session_id":"s1"}`)
		w.ok(nil, "admin", http.MethodPost, "/v1/events", `{"actor":"agent:eng/solver","what":"session.start","execution_id":"`+x.ExecutionID+`","session_id":"s1"}`)
		var wanted ask.Approval
		w.ok(&wanted, "admin", http.MethodPost, "/v1/approvals", `{"type":"pr.merge","target":"acme/shop#44","agent":"eng/solver"}`)
		w.ok(nil, "admin", http.MethodPost, "/v1/approvals/"+wanted.ApprovalID+"/cancel", `{}`) // what is pending keeps who waits
		var incident ask.IncidentShow
		w.ok(&incident, "admin", http.MethodPost, "/v1/incidents", `{"at":"`+x.ExecutionID+`"}`)
		ids := map[string]string{
			"showIncident": incident.IncidentID,
			"showEvent":    e.EventID, "prove": e.EventID, "showExecution": x.ExecutionID, "showSession": "s1",
			"showApproval": wanted.ApprovalID, "waitApproval": wanted.ApprovalID,
		}
		asked := 0
		for _, o := range api.Operations() {
			if o.Method != http.MethodGet || o.Out == nil || o.ID == "why" {
				continue
			}
			path := strings.ReplaceAll(o.Path, "{id}", ids[o.ID])
			if o.ID == "history" {
				path += "?runs=true"
			}
			if o.ID == "search" {
				path += "?q=solver"
			}
			// The world holds each answer to its schema.
			if a := w.call("admin", o.Method, path, ""); a.status != http.StatusOK {
				t.Errorf("%s: %d %s", o.ID, a.status, a.body)
			}
			asked++
		}
		if asked < 12 {
			t.Errorf("%d operations were asked", asked)
		}
	})
}
