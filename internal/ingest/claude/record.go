package claude

import (
	"time"

	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/loose"
)

// record is what of a transcript's line is needed.
type record struct {
	whole     bool
	kind      string // user, assistant, or anything else
	at        time.Time
	version   string
	prompt    string
	uuid      string
	request   string
	agent     string
	sidechain bool
	apiError  bool
	errorKind string

	cwd      string
	mode     string // permission mode
	decision string // about permission

	// Of a user's line:
	results    []callResult
	toolResult loose.Value // what the tool gave back

	// Of an answer:
	blocks    []block
	stop      string
	message   string
	model     string
	synthetic bool
	usage     usage
	calls     []string
}

// usage is what the service said that a request used.
type usage struct {
	told          bool
	input, output int64
	cacheRead     int64
	cacheWrite    int64 // all that was written to the cache
	cacheWrite1h  int64 // the part that is kept for an hour
	hasCacheWrite bool
	cacheWrite5m  int64
}

func readRecord(v loose.Value) *record {
	rec := &record{}
	var message loose.Value
	rec.whole = v.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "type":
			rec.kind = v.Text(agent.MaxID)
		case "timestamp":
			rec.at = clock(v.Text(64))
		case "version":
			rec.version = agent.Identifier(v.Text(agent.MaxID))
		case "promptId":
			rec.prompt = agent.CleanID(v.Text(agent.MaxIDRead))
		case "uuid":
			rec.uuid = agent.CleanID(v.Text(agent.MaxIDRead))
		case "requestId":
			rec.request = agent.CleanID(v.Text(agent.MaxIDRead))
		case "agentId":
			rec.agent = agent.CleanID(v.Text(agent.MaxIDRead))
		case "isSidechain":
			rec.sidechain = v.Truth()
		case "isApiErrorMessage":
			rec.apiError = v.Truth()
		case "error":
			rec.errorKind = v.Text(agent.MaxID)
		case "cwd":
			rec.cwd = v.Text(maxPath)
		case "permissionMode":
			rec.mode = v.Text(agent.MaxID)
		case "permissionDecision":
			v.Members(func(name []byte, v loose.Value) {
				if string(name) == "decision" {
					rec.decision = v.Text(32)
				}
			})
		case "toolUseResult":
			rec.toolResult = v
		case "message":
			message = v
		}
	})
	switch rec.kind {
	case "assistant":
		message.Members(rec.answer)
	case "user":
		message.Members(rec.user)
	}
	return rec
}

// answer reads a member of an answer's message.
func (rec *record) answer(name []byte, v loose.Value) {
	switch string(name) {
	case "id":
		rec.message = agent.CleanID(v.Text(agent.MaxIDRead))
	case "model":
		model := v.Text(agent.MaxIDRead)
		rec.synthetic = model == "<synthetic>"
		rec.model = agent.ModelName(model)
	case "usage":
		rec.usage = readUsage(v)
	case "stop_reason":
		rec.stop = v.Text(32)
	case "content":
		v.Elements(func(part loose.Value) bool {
			var kind string
			var b block
			part.Members(func(name []byte, v loose.Value) {
				switch string(name) {
				case "type":
					kind = v.Text(32)
				case "id":
					b.id = agent.CleanID(v.Text(agent.MaxIDRead))
				case "name":
					b.tool = v.Text(agent.MaxIDRead)
				case "input":
					b.input = v
				}
			})
			if kind == "tool_use" && b.id != "" {
				rec.calls = append(rec.calls, b.id)
				rec.blocks = append(rec.blocks, b)
			}
			return true
		})
	}
}

// user reads a member of a user's message: the results of calls are in it.
func (rec *record) user(name []byte, v loose.Value) {
	if string(name) != "content" {
		return
	}
	v.Elements(func(part loose.Value) bool {
		var kind string
		var c callResult
		part.Members(func(name []byte, v loose.Value) {
			switch string(name) {
			case "type":
				kind = v.Text(32)
			case "tool_use_id":
				c.id = agent.CleanID(v.Text(agent.MaxIDRead))
			case "content":
				c.content = v
			case "is_error":
				c.isError, c.told = v.Truth(), true
			}
		})
		if kind == "tool_result" && c.id != "" {
			rec.results = append(rec.results, c)
		}
		return true
	})
}

// maxPath is how much of a path is read.
const maxPath = 4096

// readUsage reads the counts of tokens. Input excludes what was read from or
// written to the cache.
func readUsage(v loose.Value) usage {
	var u usage
	v.Members(func(name []byte, v loose.Value) {
		n, ok := v.Count()
		switch string(name) {
		case "input_tokens":
			u.input, u.told = n, u.told || ok
		case "output_tokens":
			u.output, u.told = n, u.told || ok
		case "cache_read_input_tokens":
			u.cacheRead = n
		case "cache_creation_input_tokens":
			u.cacheWrite, u.hasCacheWrite = n, ok
		case "cache_creation":
			v.Members(func(name []byte, v loose.Value) {
				n, _ := v.Count()
				switch string(name) {
				case "ephemeral_1h_input_tokens":
					u.cacheWrite1h = n
				case "ephemeral_5m_input_tokens":
					u.cacheWrite5m = n
				}
			})
		}
	})
	u.cacheWrite = max(u.cacheWrite, u.cacheWrite1h)
	if !u.hasCacheWrite {
		u.cacheWrite = u.cacheWrite1h + u.cacheWrite5m
	}
	return u
}

// key is the natural key of the request; "" if nothing tells it from others.
func (rec *record) key() string {
	switch {
	case rec.message != "" || rec.request != "":
		return agent.RequestKey(agent.ClaudeCode, rec.request, rec.message)
	case rec.uuid != "":
		return agent.Key(agent.ClaudeCode, "line", rec.uuid)
	default:
		return ""
	}
}

// clock reads a line's time; zero if it is none that an event may have.
func clock(s string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || at.Year() < 2000 || at.Year() >= 2200 {
		return time.Time{}
	}
	return at.UTC().Truncate(time.Microsecond)
}
