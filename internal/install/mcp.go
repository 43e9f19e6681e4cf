package install

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// ServerName is the name under which clients know our server of the Model Context
// Protocol.
const ServerName = "whodid"

// Server is our server of the Model Context Protocol as a client is told of it: a
// program that it starts.
type Server struct {
	Command string
	Args    []string
}

// Registry is where a client looks up its servers.
type Registry struct {
	// Client is the client's name in events, Title that for people.
	Client, Title string
	// Settings is the file in the client's folder, or with InHome in the home
	// directory; Project is that in a project. An empty one means that there is none.
	Settings, Project string
	InHome            bool

	key    string      // the object of servers, in JSON; empty is TOML
	before [][2]string // members of an entry before and behind command and args
	behind [][2]string
}

// Registries are those of the clients that speak the protocol.
func Registries() []Registry {
	const servers = "mcpServers"
	return []Registry{
		{Client: "claude-code", Title: "Claude Code", Settings: ".claude.json", InHome: true, Project: ".mcp.json", key: servers},
		{Client: "codex", Title: "Codex", Settings: "config.toml", Project: ".codex/config.toml"},
		{Client: "gemini", Title: "Gemini CLI", Settings: "settings.json", Project: ".gemini/settings.json", key: servers},
		{
			Client: "copilot", Title: "Copilot CLI", Settings: "mcp-config.json", key: servers,
			before: [][2]string{{"type", `"local"`}}, behind: [][2]string{{"tools", `["*"]`}},
		},
		{Client: "cursor", Title: "Cursor", Settings: "mcp.json", Project: ".cursor/mcp.json", key: servers},
		{Client: "vscode", Title: "VS Code", Project: ".vscode/mcp.json", key: "servers", before: [][2]string{{"type", `"stdio"`}}},
	}
}

// Path is the file of a user's servers; empty if only projects have one. Home is the
// home directory, env looks up variables.
func (r *Registry) Path(home string, env func(string) string) string {
	c, ok := ClientNamed(r.Client)
	switch {
	case r.Settings == "" || !ok:
		return ""
	case !r.InHome:
		return filepath.Join(c.Dir(home, env), r.Settings)
	case c.Home != "" && env(c.Home) != "":
		return filepath.Join(env(c.Home), r.Settings)
	default:
		return filepath.Join(home, r.Settings)
	}
}

// Fresh is what a file that is made is before the server comes.
func (r *Registry) Fresh() string {
	if r.key == "" {
		return "\n" // not empty, for that is an empty object
	}
	return fresh
}

// InstallServer tells the client of a server, in the place of what it was told of ours
// before. A server of our name that is none of ours stays as it is. With dry nothing
// is written.
func (f File) InstallServer(r *Registry, s Server, dry bool) (Outcome, error) {
	return f.install(func(text []byte) (Edit, error) { return r.add(text, s) }, dry)
}

// UninstallServer takes our server out of the file. With dry nothing is written.
func (f File) UninstallServer(r *Registry, dry bool) (Outcome, error) {
	return f.uninstall(r.remove, dry)
}

// Find returns the server of ours that a client knows; ok is false if it knows none.
func (r *Registry) Find(text []byte) (s Server, ok bool, err error) {
	if r.key == "" {
		return findTOML(text)
	}
	entry, _, err := r.entry(text)
	if err != nil || entry == nil || !isServer(entry) {
		return s, false, err
	}
	s.Command = entry.text("command")
	for _, arg := range entry.member("args").value.items {
		s.Args = append(s.Args, arg.str)
	}
	return s, true, nil
}

// entry finds the entry of our name, and the object that it is in; either may be nil.
func (r *Registry) entry(text []byte) (entry, servers *node, err error) {
	root, err := parseObject(text)
	if err != nil {
		return nil, nil, err
	}
	all := root.member(r.key)
	if all == nil {
		return nil, nil, nil
	}
	if all.value.kind != '{' {
		return nil, nil, fmt.Errorf("its %q is not a JSON object", r.key)
	}
	if m := all.value.member(ServerName); m != nil {
		entry = m.value
	}
	return entry, all.value, nil
}

// isServer tells whether an entry starts our server.
func isServer(entry *node) bool {
	args := entry.member("args")
	return args != nil && isProgram(entry.text("command")) && slices.ContainsFunc(args.value.items, func(n *node) bool { return n.str == "mcp" })
}

func isProgram(command string) bool {
	name := command[strings.LastIndexAny(command, `/\`)+1:]
	return strings.TrimSuffix(name, ".exe") == "whodid"
}

func (r *Registry) add(text []byte, s Server) (Edit, error) {
	if r.key == "" {
		return addTOML(text, s)
	}
	entry, _, err := r.entry(text)
	if err != nil {
		return Edit{}, err
	}
	compact := format{oneLine: true}
	if entry != nil && (!isServer(entry) || sameJSON(text[entry.start:entry.end], []byte(r.write(s, &compact, 0)))) {
		return Edit{Text: text}, nil
	}
	cleared, removed, err := r.remove(text)
	if err != nil {
		return Edit{}, err
	}
	root, err := parseObject(cleared)
	if err != nil {
		return Edit{}, err
	}
	f := formatOf(cleared, root)
	const depth = 2
	member := quoted(ServerName) + f.colon() + r.write(s, &f, depth)
	var at insertion
	if servers := root.member(r.key); servers != nil {
		at = f.append(cleared, servers.value, depth, []string{member})
	} else {
		at = f.append(cleared, root, 1, []string{quoted(r.key) + f.colon() + f.container("{", []string{member}, "}", 1)})
	}
	out, spans := apply(cleared, []insertion{at})
	if !json.Valid(out) {
		return Edit{}, errors.New("it would not be valid JSON any more")
	}
	return Edit{Text: out, Spans: spans, Removed: removed}, nil
}

// write writes the entry, which stands at the depth.
func (r *Registry) write(s Server, f *format, depth int) string {
	args := make([]string, len(s.Args))
	for i, arg := range s.Args {
		args[i] = quoted(arg)
	}
	members := slices.Concat(r.before, [][2]string{{"command", quoted(s.Command)}, {"args", "[" + strings.Join(args, ", ") + "]"}}, r.behind)
	parts := make([]string, len(members))
	for i, m := range members {
		parts[i] = quoted(m[0]) + f.colon() + m[1]
	}
	return f.container("{", parts, "}", depth)
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	one, _ := json.Marshal(x)
	other, _ := json.Marshal(y)
	return bytes.Equal(one, other)
}

func (r *Registry) remove(text []byte) (rest []byte, removed int, err error) {
	if r.key == "" {
		return removeTOML(text)
	}
	entry, servers, err := r.entry(text)
	if err != nil || entry == nil || !isServer(entry) {
		return text, 0, err
	}
	root, err := parseObject(text)
	if err != nil {
		return nil, 0, err
	}
	if len(servers.members) > 1 || root.count(r.key) > 1 {
		return servers.without(text, servers.index(ServerName)), 1, nil
	}
	return root.without(text, root.index(r.key)), 1, nil
}

// tomlHeader is the line that begins our table, or one below it; tomlTable any table,
// and tomlInline servers that are written in one value, which no table may follow.
var (
	tomlHeader = regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*mcp_servers[ \t]*\.[ \t]*(?:whodid|"whodid"|'whodid')[ \t]*(?:\.[^\]\n]*)?\][^\n]*\n?`)
	tomlInline = regexp.MustCompile(`(?m)^[ \t]*mcp_servers[ \t]*=`)
	tomlTable  = regexp.MustCompile(`(?m)^[ \t]*\[`)
)

// readTOML reads the servers of a file in TOML.
func readTOML(text []byte) (all map[string]any, ours Server, named, ok bool, err error) {
	if err := toml.Unmarshal(text, &all); err != nil {
		return nil, ours, false, false, fmt.Errorf("it is not valid TOML: %w", err)
	}
	servers, _ := all["mcp_servers"].(map[string]any)
	entry, named := servers[ServerName].(map[string]any)
	ours.Command, _ = entry["command"].(string)
	args, _ := entry["args"].([]any)
	for _, arg := range args {
		text, _ := arg.(string)
		ours.Args = append(ours.Args, text)
	}
	return all, ours, named, isProgram(ours.Command) && slices.Contains(ours.Args, "mcp"), nil
}

func findTOML(text []byte) (Server, bool, error) {
	_, s, _, ok, err := readTOML(text)
	if err != nil || !ok {
		return Server{}, false, err
	}
	return s, true, nil
}

func addTOML(text []byte, s Server) (Edit, error) {
	if len(text) > MaxSettings {
		return Edit{}, fmt.Errorf("it has %d bytes, more than settings ever need", len(text))
	}
	_, old, named, ours, err := readTOML(text)
	if err != nil {
		return Edit{}, err
	}
	if named && !ours || ours && old.Command == s.Command && slices.Equal(old.Args, s.Args) {
		return Edit{Text: text}, nil
	}
	cleared, removed, err := removeTOML(text)
	if err != nil {
		return Edit{}, err
	}
	args := make([]string, len(s.Args))
	for i, arg := range s.Args {
		args[i] = quoted(arg) // which is a string of TOML too
	}
	block := fmt.Sprintf("[mcp_servers.%s]\ncommand = %s\nargs = [%s]\n", ServerName, quoted(s.Command), strings.Join(args, ", "))
	at := len(cleared)
	switch {
	case len(bytes.TrimSpace(cleared)) == 0:
		at = 0
	case !bytes.HasSuffix(cleared, []byte("\n")):
		block = "\n\n" + block
	default:
		block = "\n" + block
	}
	out, spans := apply(cleared, []insertion{{at: at, text: block}})
	if got, ok, err := findTOML(out); err != nil || !ok || got.Command != s.Command || tomlInline.Match(cleared) {
		return Edit{}, errors.Join(errors.New("its servers are written in a way that no table can be added to"), err)
	}
	return Edit{Text: out, Spans: spans, Removed: removed}, nil
}

func removeTOML(text []byte) (rest []byte, removed int, err error) {
	before, _, _, ours, err := readTOML(text)
	if err != nil || !ours {
		return text, 0, err
	}
	// What is left must be what was there without it. Text in quotes can look like a
	// table: the last one is tried first.
	servers, _ := before["mcp_servers"].(map[string]any)
	delete(servers, ServerName)
	rest = text
	for _, at := range slices.Backward(tomlHeader.FindAllIndex(text, -1)) {
		end := len(rest)
		if next := tomlTable.FindIndex(rest[at[1]:]); next != nil {
			end = at[1] + next[0]
		}
		start := at[0]
		if bytes.HasSuffix(rest[:start], []byte("\n\n")) && (end == len(rest) || bytes.HasSuffix(rest[:end], []byte("\n\n"))) {
			start-- // the empty line before it
		}
		rest = slices.Concat(rest[:start], rest[end:])
		if after, _, _, _, err := readTOML(rest); err == nil && sameTables(before, after) {
			return rest, 1, nil
		}
	}
	return nil, 0, errors.New("our server is written in a way that it can't be taken out: take mcp_servers.whodid out by hand")
}

// sameTables compares what two files in TOML say; a table of servers that is empty is
// none.
func sameTables(a, b map[string]any) bool {
	for _, m := range []map[string]any{a, b} {
		if servers, ok := m["mcp_servers"].(map[string]any); ok && len(servers) == 0 {
			delete(m, "mcp_servers")
		}
	}
	one, err := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(one, other)
}
