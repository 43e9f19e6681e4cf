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
	uuid      loose.Value
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

// readRecord reads a line, once from its beginning to its end: the client has put
// the kind before the message and behind it.
func readRecord(v loose.Value) *record {
	rec := &record{}
	rec.read(v, func() bool { return true })
	return rec
}

// readTelling reads a line as far as it takes to see that it is an answer or a
// user's: most of a file are others. Of such it returns nil.
func readTelling(v loose.Value) *record {
	rec := &record{}
	told := true
	rec.read(v, func() bool {
		told = rec.kind == "assistant" || rec.kind == "user"
		return told
	})
	if !told && v.Closed() {
		return nil
	}
	if !told {
		return readRecord(v) // it may be torn
	}
	return rec
}

// read reads a line; goOn is asked once its kind is known.
func (rec *record) read(v loose.Value, goOn func() bool) {
	c := loose.Read(v)
	rec.whole = c.Members(func(name []byte) bool {
		switch string(name) {
		case "type":
			rec.kind = c.Value().Text(agent.MaxID)
			return goOn()
		case "timestamp":
			rec.at = clock(c.Value().Text(64))
		case "version":
			rec.version = agent.Identifier(c.Value().Text(agent.MaxID))
		case "promptId":
			rec.prompt = agent.CleanID(c.Value().Text(agent.MaxIDRead))
		case "uuid":
			rec.uuid = c.Value()
		case "requestId":
			rec.request = agent.CleanID(c.Value().Text(agent.MaxIDRead))
		case "agentId":
			rec.agent = agent.CleanID(c.Value().Text(agent.MaxIDRead))
		case "isSidechain":
			rec.sidechain = c.Value().Truth()
		case "isApiErrorMessage":
			rec.apiError = c.Value().Truth()
		case "error":
			rec.errorKind = c.Value().Text(agent.MaxID)
		case "cwd":
			rec.cwd = c.Value().Text(maxPath)
		case "permissionMode":
			rec.mode = c.Value().Text(agent.MaxID)
		case "permissionDecision":
			c.Value().Members(func(name []byte, v loose.Value) {
				if string(name) == "decision" {
					rec.decision = v.Text(32)
				}
			})
		case "toolUseResult":
			rec.toolResult = c.Value()
		case "message":
			rec.readMessage(c)
		}
		return true
	})
	switch rec.kind {
	case "assistant":
		rec.results = nil
	case "user":
		rec.blocks, rec.calls = nil, nil
	}
}

// readMessage reads a message: of an answer the model, its usage and the calls,
// of a user's the results of calls.
func (rec *record) readMessage(c *loose.Cursor) {
	c.Members(func(name []byte) bool {
		switch string(name) {
		case "id":
			rec.message = agent.CleanID(c.Value().Text(agent.MaxIDRead))
		case "model":
			model := c.Value().Text(agent.MaxIDRead)
			rec.synthetic = model == "<synthetic>"
			rec.model = agent.ModelName(model)
		case "usage":
			rec.usage = readUsage(c.Value())
		case "stop_reason":
			rec.stop = c.Value().Text(32)
		case "content":
			c.Elements(func() { rec.readPart(c) })
		}
		return true
	})
}

// readPart reads a part of a message's content.
func (rec *record) readPart(c *loose.Cursor) {
	var kind string
	var b block
	var r callResult
	c.Members(func(name []byte) bool {
		switch string(name) {
		case "type":
			kind = c.Value().Text(32)
		case "id":
			b.id = agent.CleanID(c.Value().Text(agent.MaxIDRead))
		case "name":
			b.tool = c.Value().Text(agent.MaxIDRead)
		case "input":
			b.input = c.Value()
		case "tool_use_id":
			r.id = agent.CleanID(c.Value().Text(agent.MaxIDRead))
		case "content":
			r.content = c.Value()
		case "is_error":
			r.isError, r.told = c.Value().Truth(), true
		}
		return true
	})
	switch {
	case kind == "tool_use" && b.id != "":
		rec.calls = append(rec.calls, b.id)
		rec.blocks = append(rec.blocks, b)
	case kind == "tool_result" && r.id != "":
		rec.results = append(rec.results, r)
	}
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
	default:
		if uuid := agent.CleanID(rec.uuid.Text(agent.MaxIDRead)); uuid != "" {
			return agent.Key(agent.ClaudeCode, "line", uuid)
		}
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
