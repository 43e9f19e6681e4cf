package testenv

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// WriteSessions writes sessions as Claude Code keeps them below dir/projects, about size bytes in all, always the same for the same seed: answers in several
// lines with the usage that was known by then, calls of tools with results of all sizes, sub-agents in files of their own and, as old clients had it, in the
// session's, sessions that were resumed under another id with their history copied, and records of which nothing is needed.
func WriteSessions(dir string, size int64, seed uint64) error {
	w := sessionWriter{dir: filepath.Join(dir, "projects"), rand: rand.New(rand.NewPCG(seed, 7)), at: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)}
	for w.written < size {
		if err := w.session(); err != nil {
			return fmt.Errorf("couldn't write sessions: %w", err)
		}
	}
	return nil
}

type sessionWriter struct {
	dir     string
	rand    *rand.Rand
	at      time.Time
	written int64
	n       int
	last    []string // lines of the last session
	lastID  string
}

func (w *sessionWriter) id(prefix string) string {
	w.n++
	return fmt.Sprintf("%s%08x-%04x-4000-8000-%012x", prefix, w.rand.Uint32(), w.n&0xffff, w.n)
}

// session writes one session: a few requests, or thousands.
func (w *sessionWriter) session() error {
	id, project := w.id(""), filepath.Join(w.dir, fmt.Sprintf("-home-dev-p%d", w.rand.IntN(20)))
	var lines []string
	if w.lastID != "" && w.rand.IntN(10) == 0 {
		// It goes on with the one before: its history is copied.
		for _, line := range w.last {
			lines = append(lines, strings.ReplaceAll(line, w.lastID, id))
		}
	}
	for range 2 + int(40*w.rand.ExpFloat64()) {
		lines = w.request(lines, id, "", false)
		if w.rand.IntN(12) == 0 {
			lines = w.request(lines, id, "", true) // a sub-agent's, in the manner of old clients
		}
	}
	if w.rand.IntN(4) == 0 {
		agent := fmt.Sprintf("a%016x", w.rand.Uint64())
		var sub []string
		for range 1 + w.rand.IntN(8) {
			sub = w.request(sub, id, agent, true)
		}
		if err := w.file(filepath.Join(project, id, "subagents", "agent-"+agent+".jsonl"), sub); err != nil {
			return err
		}
	}
	w.last, w.lastID = lines, id
	return w.file(filepath.Join(project, id+".jsonl"), lines)
}

func (w *sessionWriter) file(path string, lines []string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	for _, line := range lines {
		n, _ := out.WriteString(line)
		_ = out.WriteByte('\n')
		w.written += int64(n) + 1
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Chtimes(path, w.at, w.at)
}

// request appends the lines of one request to a model: what the client sent, an answer of several blocks with the usage as it grew, and the results.
func (w *sessionWriter) request(lines []string, session, agent string, sidechain bool) []string {
	w.at = w.at.Add(time.Duration(1+w.rand.IntN(30_000)) * time.Millisecond)
	common := func() string {
		w.at = w.at.Add(time.Millisecond)
		s := fmt.Sprintf(`"isSidechain":%t,"sessionId":%q,"uuid":%q,"timestamp":%q,"cwd":"/home/dev/shop","version":"2.1.330","gitBranch":"main"`,
			sidechain, session, w.id(""), w.at.Format("2006-01-02T15:04:05.000Z"))
		if agent != "" {
			s += fmt.Sprintf(`,"agentId":%q`, agent)
		}
		return s
	}
	text := func(most int) string {
		return strings.Repeat(`lorem ipsum \"dolor\"\n\tsit amet `, 1+w.rand.IntN(most)/32)
	}
	lines = append(lines, fmt.Sprintf(`{"type":"attachment","attachment":{"type":"prompt_snapshot","text":"%s"},%s}`, text(40_000), common()))
	if w.rand.IntN(3) == 0 {
		lines = append(lines, fmt.Sprintf(`{"type":"progress","data":{"type":"bash_progress","output":"%s"},%s}`, text(3000), common()))
	}
	message, request, call := w.id("msg_"), w.id("req_"), w.id("toolu_")
	model := []string{"claude-sonnet-5", "claude-opus-4-8", "claude-haiku-4-5-20251001"}[w.rand.IntN(3)]
	cached, written, output := w.rand.IntN(150_000), w.rand.IntN(4000), 1+w.rand.IntN(2000)
	usage := func(out int) string {
		return fmt.Sprintf(`{"input_tokens":%d,"cache_creation_input_tokens":%d,"cache_read_input_tokens":%d,"output_tokens":%d,"cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":%d},"service_tier":"standard"}`,
			cached%97, written, cached, out, written)
	}
	answer := func(block string, out int, stop string) {
		lines = append(lines, fmt.Sprintf(`{"parentUuid":%q,%s,"type":"assistant","requestId":%q,"message":{"id":%q,"type":"message","role":"assistant","model":%q,"content":[%s],"stop_reason":%s,"usage":%s}}`,
			w.id(""), common(), request, message, model, block, stop, usage(out)))
	}
	answer(fmt.Sprintf(`{"type":"thinking","thinking":"%s","signature":"%s"}`, text(2000), strings.Repeat("QUJD", 200)), 1+output/9, "null")
	answer(fmt.Sprintf(`{"type":"text","text":"%s"}`, text(800)), 1+output/5, "null")
	switch w.rand.IntN(4) {
	case 0: // the turn is over
		answer(`{"type":"text","text":"done"}`, output, `"end_turn"`)
	case 1:
		answer(fmt.Sprintf(`{"type":"tool_use","id":%q,"name":"Bash","input":{"command":"go test ./... && git status","description":"tests"}}`, call), output, `"tool_use"`)
		lines = append(lines, fmt.Sprintf(`{%s,"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":%q,"content":"%s","is_error":false}]},"toolUseResult":{"stdout":"%s","stderr":"","interrupted":false}}`,
			common(), call, text(4000), text(4000)))
	default:
		answer(fmt.Sprintf(`{"type":"tool_use","id":%q,"name":"Read","input":{"file_path":"/home/dev/shop/f%d.go"}}`, call, w.rand.IntN(300)), output, `"tool_use"`)
		lines = append(lines, fmt.Sprintf(`{%s,"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":%q,"content":"%s"}]},"toolUseResult":{"type":"text","file":{"filePath":"/home/dev/shop/f.go","content":"%s","numLines":%d}}}`,
			common(), call, text(12_000), text(12_000), w.rand.IntN(400)))
	}
	return lines
}
