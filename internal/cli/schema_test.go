package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/authorship"
	"github.com/whodid/whodid/internal/gitcheck"
	"github.com/whodid/whodid/internal/importer"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/privacy"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/retention"
	"github.com/whodid/whodid/proof"
)

// The answers that commands put together as they go.
type (
	// started names the execution that was started.
	started struct {
		ExecutionID string `json:"execution_id"`
	}
	// tagged says what an execution was tagged with.
	tagged struct {
		ExecutionID string      `json:"execution_id"`
		Tags        whodid.Data `json:"tags"`
	}
	// logKey is the log's name and the key that checks its checkpoints.
	logKey struct {
		Origin    string `json:"origin"`
		PublicKey string `json:"public_key"`
	}
)

// answers are what the commands print with --json, by command.
func answers() map[string]any {
	return map[string]any{
		"history":        ask.History{},
		"search":         ask.SearchResult{},
		"tail":           ask.Event{},
		"doctor":         ask.Doctor{},
		"exec list":      ask.ExecutionList{},
		"exec show":      ask.Show{},
		"exec stats":     ask.Stats{},
		"exec logs":      ask.Log{},
		"exec start":     started{},
		"exec finish":    ended{},
		"exec tag":       tagged{},
		"action list":    ask.ActionList{},
		"action record":  recorded{},
		"model record":   recorded{},
		"init":           initialized{},
		"sync":           synced{},
		"verify":         verification{},
		"prove":          proof.Bundle{},
		"export":         exported{},
		"migrate":        migrated{},
		"log head":       logHead{},
		"log export":     ledger.Exported{},
		"log key":        logKey{},
		"witness git":    gitWitness{},
		"witness push":   witnessPushed{},
		"witness list":   witnessList{},
		"witness add":    witnessAdded{},
		"witness remove": witnessAdded{},
		"witness show":   witnessEvidence{},
		"witness policy": witnessPolicy{},
		"schema":         schemaList{},

		"memory record":    remembered{},
		"memory supersede": remembered{},
		"memory outcome":   remembered{},
		"memory summarize": remembered{},
		"memory list":      ask.DecisionList{},
		"memory search":    ask.DecisionList{},
		"memory show":      ask.Decided{},
		"memory conflicts": ask.ConflictList{},
		"memory import":    imported{},

		"privacy export":      personExported{},
		"privacy erase":       erasure{},
		"privacy request":     ask.PrivacyRequest{},
		"privacy requests":    ask.PrivacyRequestList{},
		"privacy refuse":      ask.PrivacyRequest{},
		"privacy certificate": privacy.Certificate{},
		"privacy anonymize":   anonymized{},
		"privacy reapply":     privacy.Reapplied{},
		"privacy people":      people{},
		"privacy name":        renamed{},
		"privacy import":      importedPeople{},
		"privacy forget":      renamed{},

		"approval request": decidedApproval{},
		"approval approve": decidedApproval{},
		"approval reject":  decidedApproval{},
		"approval cancel":  decidedApproval{},
		"approval list":    ask.ApprovalList{},
		"approval show":    ask.ShownApproval{},

		"approval passkey list":   ask.PasskeyList{},
		"approval passkey revoke": ask.Passkey{},
		"approval wait":           ask.ShownApproval{},
		"approval findings":       ask.Unapproved{},

		"retention show":        ask.Retention{},
		"retention set":         ask.RetentionPolicy{},
		"retention preview":     ask.RetentionPreview{},
		"retention apply":       retention.Applied{},
		"retention certificate": proof.Bundle{},
		"hold place":            held{},
		"hold release":          held{},
		"hold list":             ask.HoldList{},

		"incident open":  ask.IncidentShow{},
		"incident list":  ask.IncidentList{},
		"incident show":  ask.IncidentShow{},
		"incident note":  aboutIncident{},
		"incident close": aboutIncident{},

		"incident bundle": bundledIncident{},

		"git check":      gitcheck.Report{},
		"policy show":    shownPolicy{},
		"policy check":   shownPolicy{},
		"policy explain": explained{},
		"exception add":  addedException{},
		"git install":    gitInstalled{},
		"git uninstall":  gitInstalled{},
		"git message":    origin{},
		"git trailers":   linted{},
		"pr body":        prBodyAnswer{},
		"pr show":        ask.Pull{},
		"forge list":     ask.HookList{},
		"forge backfill": backfilled{},
		"sink list":      ask.SinkList{},

		"git index":       indexed{},
		"git log":         ask.CommitList{},
		"git stats":       ask.GitStats{},
		"git agent-trace": authorship.Trace{},
		"blame":           ask.Blame{},
		"why":             ask.Why{},

		"price show":    shownPrice{},
		"price update":  updatedPrices{},
		"price reprice": record.Repriced{},
		"import":        importer.Imported{},
		"session list":  ask.SessionList{},
		"session show":  ask.Session{},

		"report weekly":   ask.Report{},
		"report monthly":  ask.Report{},
		"report outcomes": ask.AchievementList{},
		"review":          ask.Review{},
		"review sign":     signedOff{},
		"review list":     ask.ReviewList{},
		"exception list":  ask.ExceptionList{},
		"exception show":  ask.PolicyException{},

		"cost":          ask.Cost{},
		"cost forecast": ask.Forecast{},
		"reconcile":     ask.Reconciliation{},

		"budget list":   budgetList{},
		"budget status": ask.BudgetStatus{},

		"redact":       trial{},
		"redact stats": ask.RedactionStats{},

		"token create": createdToken{},
		"token list":   tokenList{},
		"token revoke": revokedToken{},
	}
}

// documented are the folders whose types answers are made of.
func documented() []string {
	return []string{
		".",
		"../ask",
		"../githook",
		"../gitindex",
		"../ledger",
		"../witness",
		"../../proof",
		"../gitcheck",
		"../incident",
		"../policy",
		"../authorship",
		"../auth",
		"../importer",
		"../record",
		"../price",
		"../uplink",
		"../privacy",
	}
}

// TestSchemas keeps the published schemas, and the page about them, what the Go
// types say.
func TestSchemas(t *testing.T) {
	t.Parallel()
	g := generator{docs: readDocs(t, documented()...)}
	var page strings.Builder
	page.WriteString(jsonPreface)
	files := map[string]bool{}
	for _, command := range slices.Sorted(maps.Keys(answers())) {
		doc := g.document(command, answers()[command])
		text, err := json.MarshalIndent(doc, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		name := strings.ReplaceAll(command, " ", "-")
		files[name] = true
		golden(t, filepath.Join("..", "ask", "schema", name+".json"), append(text, '\n'))
		describe(&page, command, doc)
	}
	golden(t, "../../docs/json.md", []byte(page.String()))
	for _, name := range ask.Schemas() {
		if !files[name] {
			t.Errorf("the schema %s belongs to no command", name)
		}
	}
}

// TestEveryAnswerHasASchema finds commands whose JSON nobody has described, and
// holds those that have none to saying so.
func TestEveryAnswerHasASchema(t *testing.T) {
	t.Parallel()
	own := []string{"hook", "git hook"} // they answer in their callers' form
	eachCommand((&Program{}).root(), func(c *cobra.Command) {
		_, name, _ := strings.Cut(c.CommandPath(), " ")
		if name == "" || !answersItself(c) || slices.Contains(own, name) {
			return
		}
		if (answers()[name] == nil) == (otherwise()[name] == "") {
			t.Errorf("%q has either an answer in JSON, whose type is in answers, or prints something else, which is in otherwise", name)
		}
	})
	for name := range otherwise() {
		var told strings.Builder
		p := &Program{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &told, Dir: t.TempDir(), Now: time.Now, Env: func(string) string { return "" }}
		args := append(strings.Fields(name), "--json")
		if valid := map[string]string{"completion": "bash", "exec export": "exec-1", "run": "true"}[name]; valid != "" {
			args = append(args, valid)
		}
		if code := p.Run(t.Context(), args); code != ExitUsage || !strings.Contains(told.String(), "not JSON") {
			t.Errorf("%s: %d %s", strings.Join(args, " "), code, told.String())
		}
	}
}

const jsonPreface = `# JSON answers

<!-- Written by ` + "`go test ./internal/cli -update`" + ` from the Go types of the answers: edit those. -->

With ` + "`--json`" + ` a command prints one JSON document and nothing else; one that has no answer in JSON refuses it, says what it
prints instead, and ends with status 2. Times are RFC 3339 in UTC, money is millionths of a US dollar (` + "`…_micros`" + `), a list without
entries is ` + "`[]`" + `, and what is not known is ` + "`null`" + ` or counted apart, never zero. Fields are only ever added: read what you know and
ignore the rest. ` + "`whodid schema COMMAND`" + ` prints the JSON Schema of an answer.

` + "`whodid tail --json`" + ` prints one such document on each line.
`

// describe adds an answer to the page: its fields, and those of the objects in
// it.
func describe(page *strings.Builder, command string, doc object) {
	fmt.Fprintf(page, "\n## whodid %s\n\n", command)
	if about, ok := doc.get("description").(string); ok {
		fmt.Fprintf(page, "%s\n\n", about)
	}
	describeFields(page, doc)
	defs, _ := doc.get("$defs").(object)
	for _, def := range defs {
		fmt.Fprintf(page, "\n**%s**\n\n", def.name)
		describeFields(page, def.value.(object))
	}
}

func describeFields(page *strings.Builder, o object) {
	properties, _ := o.get("properties").(object)
	required, _ := o.get("required").([]string)
	page.WriteString("| field | type | meaning |\n|---|---|---|\n")
	for _, p := range properties {
		about, _ := p.value.(object).get("description").(string)
		if words, ok := p.value.(object).get("enum").([]string); ok {
			about = strings.TrimSpace(about + " One of " + strings.TrimPrefix("`"+strings.Join(words, "`, `")+"`", "``, ") + ".")
		}
		if !slices.Contains(required, p.name) {
			about = strings.TrimSpace(about + " May be absent.")
		}
		fmt.Fprintf(page, "| `%s` | %s | %s |\n", p.name, typeInWords(p.value.(object)), strings.ReplaceAll(about, "|", `\|`))
	}
}

func typeInWords(o object) string {
	if ref, ok := o.get("$ref").(string); ok {
		return strings.TrimPrefix(ref, "#/$defs/")
	}
	if of, ok := o.get("anyOf").([]object); ok {
		return typeInWords(of[0]) + " or null"
	}
	switch kind := o.get("type").(type) {
	case []string:
		if o.get("format") != nil {
			return "time or null"
		}
		return strings.Join(kind, " or ")
	case string:
		switch {
		case kind == "array":
			return "list of " + typeInWords(o.get("items").(object))
		case o.get("format") != nil:
			return "time"
		default:
			return kind
		}
	default:
		return ""
	}
}

// golden compares a generated file with what is there, or writes it.
func golden(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: go test ./internal/cli -update writes it", err)
	}
	if diff := cmp.Diff(string(have), string(want)); diff != "" {
		t.Errorf("%s is not current; go test ./internal/cli -update writes it (-have +want):\n%s", path, diff)
	}
}

// validate is a program of scripts: it checks each JSON document on standard
// input against the published schema of a command, and that it holds no field
// that the schema does not list.
func validate() int {
	if err := validateAll(os.Stdin, strings.Join(os.Args[1:], "-")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return ExitError
	}
	return ExitOK
}

func validateAll(in io.Reader, name string) error {
	text, ok := ask.Schema(name)
	if !ok {
		return fmt.Errorf("there is no schema %q", name)
	}
	var raw any
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	closeObjects(raw)
	strict, err := json.Marshal(raw)
	if err != nil {
		return err
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(strict, &schema); err != nil {
		return err
	}
	resolved, err := schema.Resolve(&jsonschema.ResolveOptions{})
	if err != nil {
		return err
	}
	documents := 0
	for d := json.NewDecoder(in); ; documents++ {
		var v any
		err := d.Decode(&v)
		if err == io.EOF && documents > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := resolved.Validate(v); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// closeObjects makes a schema refuse fields that it does not list.
func closeObjects(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		if s["properties"] != nil {
			s["additionalProperties"] = false
		}
		for _, v := range s {
			closeObjects(v)
		}
	case []any:
		for _, v := range s {
			closeObjects(v)
		}
	}
}

// TestValidateRefuses makes sure that the scripts' judge is one.
func TestValidateRefuses(t *testing.T) {
	t.Parallel()
	good := `{"execution_id":"exec-1","path":"/tmp/1.log","lines":["a"]}`
	for document, ok := range map[string]bool{
		good: true,
		strings.Replace(good, `["a"]`, `null`, 1):   false,
		strings.Replace(good, `"a"`, `1`, 1):        false,
		strings.Replace(good, `"path"`, `"way"`, 1): false,
		`{}`: false,
		``:   false,
	} {
		if err := validateAll(bytes.NewBufferString(document), "exec-logs"); (err == nil) != ok {
			t.Errorf("%s: %v", document, err)
		}
	}
}
