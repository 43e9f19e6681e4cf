package laws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/redact/canary"
)

// content is what agents hand around: words of no shape that a rule could
// find. The schema has no place for them.
var content = []canary.Canary{
	{Kind: "prompt", Text: "Please refactor the quantumfrobnicator of our shop", Must: []string{"quantumfrobnicator"}},
	{Kind: "file body", Text: "package secretplans\n\nconst Plan = \"buy the zanzibarwidget\"\n", Must: []string{"secretplans", "zanzibarwidget"}},
	{Kind: "output", Text: "FAIL: TestWombatcombine (0.00s)\n\twant 7, got marsupialoverflow", Must: []string{"Wombatcombine", "marsupialoverflow"}},
}

// spy sends canaries in and remembers what may be found nowhere, and all that
// the programs said.
type spy struct {
	w       *world
	secrets []canary.Canary
	next    int
	sent    int
	must    map[string]bool
	said    bytes.Buffer
	// echoed is what commands said on standard error, to the caller alone, of
	// arguments of theirs that were canaries. It is counted apart.
	echoed  bytes.Buffer
	planted string // the folder of files that programs are given, which holds canaries of course
}

func newSpy(t testing.TB, w *world) *spy {
	t.Helper()
	s := &spy{w: w, secrets: canary.All(), must: map[string]bool{}, planted: t.TempDir()}
	w.whodid(t, "exec", "start", "--agent", "ops/backup", "--why", mayBeTold)
	return s
}

// mayBeTold is a reason, which the trail is for: a search that does not find it
// finds nothing.
const mayBeTold = "nightlybackupofwednesday"

// secret is the next canary.
func (s *spy) secret() canary.Canary {
	s.next++
	c := s.secrets[s.next%len(s.secrets)]
	s.expect(c)
	return c
}

// expect notes what may be found nowhere: those texts of a canary that no other
// canary holds as something that may be told, such as the name before an
// address.
func (s *spy) expect(c canary.Canary) {
	s.sent++
	for _, must := range c.Must {
		told := slices.ContainsFunc(s.secrets, func(other canary.Canary) bool {
			return strings.Contains(other.Text, must) &&
				!slices.ContainsFunc(other.Must, func(m string) bool { return strings.Contains(m, must) || strings.Contains(must, m) })
		})
		if !told {
			s.must[must] = true
		}
	}
}

// whodid runs whodid, however that ends, and keeps what it says.
func (s *spy) whodid(t testing.TB, args ...string) outcome {
	t.Helper()
	o := s.w.run(t, nil, "whodid", args...)
	fmt.Fprintf(&s.said, "\n$ whodid %s\n%s%s", args[0], o.stdout, o.stderr)
	return o
}

// given runs whodid with a canary among its arguments.
func (s *spy) given(t testing.TB, args ...string) {
	t.Helper()
	o := s.w.run(t, nil, "whodid", args...)
	s.said.WriteString(o.stdout)
	s.echoed.WriteString(o.stderr)
}

// recording are the commands that record, with arguments that are valid and
// "EXEC" for the id of a run. What else the help lists among them is tried
// without such.
var recording = map[string][]string{
	"action record": {"--execution", "EXEC", "--type", "issue.create", "--target", "acme/shop#1", "--result", "success"},
	"exec start":    {"--agent", "ops/backup"},
	"exec finish":   {"EXEC", "--status", "success"},
	"exec tag":      {"EXEC", "env=prod"},
	"model record":  {"--execution", "EXEC", "--model", "claude-opus-4-1", "--tokens-in", "5", "--tokens-out", "7"},
	"run":           {"--agent", "ops/backup", "--", "true"},
}

var (
	listed   = regexp.MustCompile(`(?m)^  ([a-z][a-z-]+) {2,}\S`)
	textFlag = regexp.MustCompile(`(?m)^ +(?:-[a-z], )?--([a-z-]+) (?:string|stringArray|strings)\b`)
)

// commands lists the commands of the group "Record:" that have none below.
func commands(t testing.TB, w *world) (all []string) {
	t.Helper()
	help := w.whodid(t, "--help")
	_, group, ok := strings.Cut(help, "\nRecord:\n")
	if !ok {
		t.Fatalf("the help has no group of commands that record:\n%s", help)
	}
	group, _, _ = strings.Cut(group, "\n\n")
	for _, m := range listed.FindAllStringSubmatch(group, -1) {
		_, below, ok := strings.Cut(w.whodid(t, m[1], "--help"), "\nAvailable Commands:\n")
		if !ok {
			all = append(all, m[1])
			continue
		}
		below, _, _ = strings.Cut(below, "\n\n")
		for _, sub := range listed.FindAllStringSubmatch(below, -1) {
			all = append(all, m[1]+" "+sub[1])
		}
	}
	return all
}

// TestNoContent puts made-up secrets, people and content into every entrance
// of the product and then searches every byte that it wrote and said.
func TestNoContent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		s := newSpy(t, w)
		s.flags(t)
		s.environment(t)
		s.logs(t)
		s.payloads(t)
		s.spoolFiles(t)
		s.questions(t)
		s.search(t)
	})
}

// flags gives every text flag of every recording command canaries.
func (s *spy) flags(t *testing.T) {
	t.Helper()
	id := strings.TrimSpace(s.w.whodid(t, "exec", "start", "--agent", "ops/backup"))
	tried := 0
	for _, command := range commands(t, s.w) {
		words := strings.Fields(command)
		base, known := recording[command]
		for _, flag := range textFlag.FindAllStringSubmatch(s.w.whodid(t, append(words, "--help")...), -1) {
			if flag[1] == "store" || flag[1] == "org" {
				continue
			}
			for range 4 {
				text := s.secret().Text
				switch flag[1] {
				case "data", "tag":
					text = "note=" + text
				case "trigger":
					text = "event:" + text
				}
				args := slices.Concat(words, []string{"--" + flag[1], text}, without(base, "--"+flag[1]))
				for i := range args {
					args[i] = strings.ReplaceAll(args[i], "EXEC", id)
				}
				tried++
				if known {
					s.given(t, args...)
					continue
				}
				// It may be there to print what it is given.
				o := s.w.run(t, nil, "whodid", args...)
				s.echoed.WriteString(o.stdout + o.stderr)
			}
		}
	}
	s.given(t, "exec", "tag", id, "note="+s.secret().Text)
	s.given(t, "exec", "tag", id, s.secret().Text+"=x")
	if tried < 60 {
		t.Errorf("only %d flags were tried", tried)
	}
}

// without takes a flag and its value out of arguments.
func without(args []string, flag string) []string {
	i := slices.Index(args, flag)
	if i < 0 {
		return slices.Clone(args)
	}
	return slices.Concat(args[:i], args[i+2:])
}

// environment gives canaries by variables and by the repository's remote.
func (s *spy) environment(t *testing.T) {
	t.Helper()
	before := s.w.env
	for _, name := range []string{
		"WHODID_AGENT", "WHODID_SQUAD", "WHODID_TRIGGER", "WHODID_EXECUTION", "GITHUB_EVENT_NAME", "GITHUB_WORKFLOW", "GITHUB_REPOSITORY", "GITHUB_REF",
		"CI_PIPELINE_SOURCE", "CI_PROJECT_PATH", "CLAUDE_PROJECT_DIR", "USER", "LOGNAME", "USERNAME",
	} {
		for range 2 {
			text := s.secret().Text
			s.w.env = append(slices.Clone(before), "GITHUB_ACTIONS=true", "GITLAB_CI=true", name+"="+text)
			s.whodid(t, "run", "--agent", "ops/backup", "--", "true")
			s.tell(t, toolCallPayload, "whodid-hook")
		}
	}
	s.w.env = before
	for i := range s.secrets {
		if strings.Contains(s.secrets[i].Text, "\n") || i%5 > 0 {
			continue
		}
		c := s.secrets[i]
		s.expect(c)
		config := filepath.Join(s.w.dir, ".git", "config")
		text := "[remote \"origin\"]\n\turl = https://u:" + c.Text + "@git.example/acme/shop.git\n"
		if err := os.WriteFile(config, []byte("[core]\n\trepositoryformatversion = 0\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.whodid(t, "run", "--agent", "ops/backup", "--", "true")
	}
	if err := os.WriteFile(filepath.Join(s.w.dir, ".git", "config"), []byte("[core]\n\trepositoryformatversion = 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// An address of a trail that can't be reached is told without its password.
	const password = "hunter2-fake-password"
	s.must[password] = true
	for _, address := range []string{"postgres://u:" + password + "@127.0.0.1:1/d", "postgres://127.0.0.1:1/d?user=u&password=" + password, "postgres://u:" + password + "@127.0.0.1:xx/d"} {
		s.whodid(t, "history", "--store", address)
		s.whodid(t, "action", "record", "--store", address, "--type", "issue.create", "--target", "x", "--result", "success")
	}
}

const toolCallPayload = `{"session_id":"s1","hook_event_name":"PostToolUse","tool_name":"Read","tool_use_id":"toolu_env","cwd":"/srv","tool_input":{"file_path":"/srv/a"},"tool_response":{}}`

// logs lets runs print canaries: what is kept of the output is cleaned. The
// output itself passes through and is not searched.
func (s *spy) logs(t *testing.T) {
	t.Helper()
	var all strings.Builder
	for _, c := range s.secrets {
		s.expect(c)
		fmt.Fprintf(&all, "step %s\n%s\n", c.Kind, c.Text)
	}
	path := filepath.Join(s.planted, "output")
	if err := os.WriteFile(path, []byte(all.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{"cat " + path, "cat " + path + " >&2"} {
		if o := s.w.run(t, nil, "whodid", "run", "--agent", "ops/backup", "--", "sh", "-c", script); o.code != 0 {
			t.Errorf("run: exit %d\n%s", o.code, o.stderr)
		}
	}
}

// tell gives a payload to one of the two programs that hooks start.
func (s *spy) tell(t testing.TB, payload, program string) {
	t.Helper()
	args := []string{}
	if program == "whodid" {
		args = append(args, "hook")
	}
	o := s.w.run(t, strings.NewReader(payload), program, args...)
	s.said.WriteString(o.stdout + o.stderr)
	if o.code != 0 || o.stdout != "" {
		t.Errorf("%s: exit %d: %s%s", program, o.code, o.stdout, o.stderr)
	}
}

// locates reports whether a field tells where something is, which is what the
// trail is for: words in it are names of files.
var locates = regexp.MustCompile(`(cwd|[pP]ath|url|name|workingDirectory)$`)

// payloads gives both programs the captured payloads with a canary in every
// field, and a transcript that is made of them.
func (s *spy) payloads(t *testing.T) {
	t.Helper()
	testdata := filepath.Join("..", "ingest", "agent", "testdata")
	n := 0
	for _, name := range []string{"2.1.197/hooks.jsonl", "2.1.330/hooks.jsonl", "other/codex-hooks.jsonl", "other/gemini-hooks.jsonl", "other/copilot-hooks.jsonl", "other/copilot-camel-hooks.jsonl"} {
		for i, v := range readLines(t, filepath.Join(testdata, name)) {
			secret := s.secret()
			words := content[i%len(content)]
			s.expect(words)
			for _, c := range []canary.Canary{secret, words} {
				n++
				planted := plant(v, "", func(path, old string) string {
					switch {
					case strings.HasSuffix(path, "hook_event_name"), c.Kind == words.Kind && locates.MatchString(path):
						return old
					case strings.HasSuffix(path, ".command"):
						return "echo '" + strings.ReplaceAll(c.Text, "'", "") + "'"
					default:
						return c.Text
					}
				})
				s.tell(t, encode(t, planted), []string{"whodid-hook", "whodid"}[n%2])
			}
		}
	}
	var transcript strings.Builder
	for i, v := range readLines(t, filepath.Join("..", "ingest", "claude", "testdata", "2.1.330/transcript.jsonl")) {
		for _, c := range []canary.Canary{s.secret(), content[i%len(content)]} {
			transcript.WriteString(encode(t, plant(v, "", func(path, old string) string {
				if path == ".type" || path == ".timestamp" || strings.HasSuffix(path, ".id") && i%2 == 0 {
					return old
				}
				return c.Text
			})) + "\n")
		}
	}
	path := filepath.Join(s.planted, "laws-transcript.jsonl")
	if err := os.WriteFile(path, []byte(transcript.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.tell(t, fmt.Sprintf(`{"session_id":"laws-transcript","hook_event_name":"SessionEnd","transcript_path":%q,"cwd":"/srv","reason":"other"}`, path), "whodid-hook")
	s.tell(t, fmt.Sprintf(`{"session_id":"laws-transcript","hook_event_name":"SessionEnd","transcript_path":%q,"cwd":"/srv","reason":"other"}`, path), "whodid")
}

// spoolFiles puts files into the spool that no program of ours wrote.
func (s *spy) spoolFiles(t *testing.T) {
	t.Helper()
	dir := s.w.place(t).Spool
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for range 10 {
		fmt.Fprintf(&text, "\n01234567 {\"events\":[{\"why\":%q}]}\n", s.secret().Text)
	}
	if err := os.WriteFile(filepath.Join(dir, "segment-00000000000000000001-000.jsonl"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// questions asks everything there is to ask, and exports what can be.
func (s *spy) questions(t *testing.T) {
	t.Helper()
	for _, question := range [][]string{
		{"sync"}, {"history"}, {"history", "--verbose"}, {"exec", "list"}, {"exec", "stats"}, {"action", "list"}, {"verify"}, {"log", "head"}, {"log", "key"}, {"doctor"},
	} {
		s.whodid(t, question...)
		if o := s.whodid(t, append(question, "--json")...); !json.Valid([]byte(o.stdout)) {
			t.Errorf("%v --json: exit %d, no JSON\n%.300s%s", question, o.code, o.stdout, o.stderr)
		}
	}
	s.whodid(t, "log", "export", filepath.Join(s.w.home, "export"))
	var list struct {
		Executions []struct {
			ID string `json:"execution_id"`
		} `json:"executions"`
	}
	if err := json.Unmarshal([]byte(s.w.whodid(t, "exec", "list", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	for i, x := range list.Executions {
		if i%8 == 0 {
			s.whodid(t, "exec", "show", x.ID, "--json")
			s.whodid(t, "exec", "logs", x.ID)
		}
	}
	var actions struct {
		Actions []struct {
			ID string `json:"event_id"`
		} `json:"actions"`
	}
	if err := json.Unmarshal([]byte(s.w.whodid(t, "action", "list", "--json")), &actions); err != nil {
		t.Fatal(err)
	}
	for i, a := range actions.Actions {
		if i%20 == 0 {
			s.whodid(t, "prove", a.ID)
		}
	}
	// Questions about what is no id.
	for _, question := range [][]string{{"exec", "show"}, {"prove"}, {"exec", "logs"}} {
		s.given(t, append(question, s.secret().Text)...)
	}
}

// search looks for what may be found nowhere in all files of the world, in the
// database, and in what the programs said.
func (s *spy) search(t *testing.T) {
	t.Helper()
	places := map[string][]byte{"what the programs said": s.said.Bytes()}
	err := filepath.WalkDir(filepath.Dir(s.w.home), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		places[path] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.w.engine == "postgres" {
		s.database(t, places)
	}
	size, found := 0, 0
	for _, text := range places {
		size += len(text)
	}
	for must := range s.must {
		escaped := encode(t, must)
		for _, form := range []string{must, escaped[1 : len(escaped)-1]} {
			for name, text := range places {
				if i := bytes.Index(text, []byte(form)); i >= 0 {
					found++
					t.Errorf("%q is in %s: …%q…", must, name, text[max(0, i-160):min(len(text), i+len(form)+40)])
				}
			}
		}
	}
	for _, told := range []string{mayBeTold, "step jwt"} { // of a run's output
		if !slices.ContainsFunc(slices.Collect(maps.Values(places)), func(text []byte) bool { return bytes.Contains(text, []byte(told)) }) {
			t.Errorf("not even %q is found: the search does not work", told)
		}
	}
	echoed := 0
	for must := range s.must {
		if bytes.Contains(s.echoed.Bytes(), []byte(must)) {
			echoed++
		}
	}
	t.Logf("%d values were sent in; in %d places with %d KiB %d of %d texts were found; %d were said back to who gave them as arguments", s.sent, len(places), size>>10, found, len(s.must), echoed)
}

// database adds all tables as text, and the server's own files of the database
// where this user may read them.
func (s *spy) database(t *testing.T, places map[string][]byte) {
	t.Helper()
	a := attack(t, s.w)
	defer a.close()
	for _, table := range append([]string{"schema_version"}, tables...) {
		places["the table "+table] = []byte(strings.Join(a.strings(fmt.Sprintf(`SELECT t::text FROM %s AS t`, table)), "\n"))
	}
	a.exec(`CHECKPOINT`)
	var dir string
	a.scan(`SELECT current_setting('data_directory') || '/base/' || oid FROM pg_database WHERE datname = current_database()`, &dir)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Logf("the server's files can't be read: %v", err)
		return
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Log(err)
			continue
		}
		places["the file "+f.Name()] = text
	}
}

// plant returns the value with each string in it replaced by what at gives.
func plant(v any, path string, at func(path, old string) string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			out[k] = plant(inner, path+"."+k, at)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = plant(inner, path, at)
		}
		return out
	case string:
		return at(path, v)
	default:
		return v
	}
}

func readLines(t testing.TB, path string) (all []any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var v any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, v)
	}
	return all
}

func encode(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
