// Package forge holds what the readers of all forges have in common: how a fact
// of a forge becomes an event, who acted, and which runs a text names. Titles,
// texts and addresses are read for that and dropped.
package forge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/trailer"
)

// Options say in whose name deliveries are read.
type Options struct {
	// Hook is the name of the webhook; empty for what was read from an API.
	Hook string
	// Delivery is the forge's id of the delivery.
	Delivery string
	// Pseudonym makes the name of a person of an identity, "github:583231".
	Pseudonym func(identity string) string
	// Agents are logins of the organisation's own agents, in lower case, with
	// the full name of each, squad/name.
	Agents map[string]string
}

// Delivery is what one delivery of a webhook tells.
type Delivery struct {
	// Event and Action name it in the forge's own words.
	Event, Action string
	// Repository is "owner/name"; empty if it is about none.
	Repository string
	// Facts are the events that it amounts to; none if it is of no interest.
	Facts []whodid.Event
}

// User is an account of a forge.
type User struct {
	ID    int64
	Login string
	Bot   bool
}

// apps are the accounts by which agents act on forges, beside those that
// package trailer knows from commits.
var apps = map[string]string{
	"claude[bot]":                        "claude",
	"chatgpt-codex-connector[bot]":       "codex",
	"copilot":                            "copilot",
	"copilot-pull-request-reviewer[bot]": "copilot",
	"gemini-code-assist[bot]":            "gemini",
	"google-labs-jules[bot]":             "jules",
	"openhands-ai[bot]":                  "openhands",
}

// Actor names who acted: an agent if the account is known as one, another
// program as a system, and a person by a pseudonym. Source is the forge.
func (o *Options) Actor(source string, u User) string {
	login := strings.ToLower(strings.TrimSpace(u.Login))
	if agent := o.Agents[login]; agent != "" {
		return whodid.AgentActor(agent)
	}
	// Anybody may choose a login, but not one that ends in [bot].
	if u.Bot {
		if agent := apps[login]; agent != "" {
			return whodid.AgentActor(source + "/" + agent)
		}
		if agent, ok := trailer.KnownAgent(login, "0+"+login+"@users.noreply.github.com"); ok {
			return whodid.AgentActor(source + "/" + strings.ToLower(agent))
		}
		return "system:" + word(strings.TrimSuffix(login, "[bot]"), source)
	}
	var identity string
	switch {
	case u.ID > 0:
		identity = source + ":" + strconv.FormatInt(u.ID, 10)
	case login != "":
		identity = source + ":@" + login
	}
	if identity != "" && o.Pseudonym != nil {
		if p := o.Pseudonym(identity); p != "" {
			return whodid.HumanActor(p)
		}
	}
	return "system:" + source // an account that is gone, or the forge itself
}

// word makes of a login a name that an actor can have.
func word(login, fallback string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, login)
	if name = strings.Trim(name, "-_."); name == "" {
		return fallback
	}
	return name[:min(len(name), 60)]
}

// Fact makes an event of what a forge says. Source is the forge, the key what
// identifies the fact there; empty and zero values of the data are left out.
func (o *Options) Fact(source, key, what, target string, at time.Time, who User, data whodid.Data) whodid.Event {
	e := whodid.Event{
		Key: source + "/" + key, Actor: o.Actor(source, who), What: "forge." + what, Target: target, At: at, Data: data,
	}
	if o.Delivery == "" {
		e.Source = "import:" + source
	} else {
		e.Source, e.ActorAuth = "webhook:"+source, "webhook"
		data["hook"], data["delivery"] = o.Hook, o.Delivery
	}
	for name, v := range data {
		switch v := v.(type) {
		case string:
			if v == "" {
				delete(data, name)
			}
		case int64:
			if v == 0 {
				delete(data, name)
			}
		case bool:
			if !v {
				delete(data, name)
			}
		case []string:
			if len(v) == 0 {
				delete(data, name)
			}
		}
	}
	return e
}

// Digest stands in a key for what must not be published.
func Digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Decode reads a payload. A field of another type than we know is left out: forges
// change, and one field must not lose the fact.
func Decode(body []byte, payload any) error {
	err := json.Unmarshal(body, payload)
	if _, other := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !other {
		return fmt.Errorf("couldn't read the delivery: %w", err)
	}
	return nil
}

// maxOrigins bounds how many runs and agents of one fact are listed.
const maxOrigins = 50

// Origin reads which runs and agents texts name, such as the messages of
// commits, into data. Nothing else of the texts is kept.
func Origin(data whodid.Data, texts ...string) {
	var executions, agents []string
	for _, text := range texts {
		for _, id := range trailer.Executions(text) {
			if len(executions) < maxOrigins && !slices.Contains(executions, id) {
				executions = append(executions, id)
			}
		}
		for _, b := range trailer.Blocks(text) {
			if _, _, err := whodid.ParseAgent(b.Agent); err == nil && len(agents) < maxOrigins && !slices.Contains(agents, b.Agent) {
				agents = append(agents, b.Agent)
			}
		}
	}
	data["executions"], data["agents"] = executions, agents
}

// Time is a time as forges write it: RFC 3339, GitLab's older form, or seconds
// since 1970. What can't be read is no time, for it must not lose the fact.
type Time struct{ time.Time }

// UnmarshalJSON reads any of the forms and never fails.
func (t *Time) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700"} {
		if v, err := time.Parse(layout, s); err == nil {
			t.Time = v.UTC()
			return nil
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 && n < 1<<40 {
		t.Time = time.Unix(n, 0).UTC()
	}
	return nil
}

// Stamp is the time in a key; empty for no time.
func (t Time) Stamp() string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// First returns the first of the times that is known.
func First(times ...Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t.Time
		}
	}
	return time.Time{}
}

// Ref splits a full git ref into branch or tag.
func Ref(ref string) (branch, tag string) {
	if b, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		return b, ""
	}
	if t, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		return "", t
	}
	return ref, ""
}

// ZeroSHA tells whether a commit id stands for none.
func ZeroSHA(sha string) bool { return strings.Trim(sha, "0") == "" }

// SHA returns the commit id if it is one, else "".
func SHA(sha string) string {
	if len(sha) < 40 || len(sha) > 64 || ZeroSHA(sha) || strings.Trim(strings.ToLower(sha), "0123456789abcdef") != "" {
		return ""
	}
	return strings.ToLower(sha)
}

// Result is what the state of a review, run or deployment amounts to; none
// while it is not over, or is neutral.
func Result(state string) whodid.Result {
	switch strings.ToLower(state) {
	case "success":
		return whodid.ResultSuccess
	case "failure", "failed", "error", "startup_failure":
		return whodid.ResultFailed
	case "cancelled", "canceled", "skipped", "stale":
		return whodid.ResultCancelled
	case "timed_out":
		return whodid.ResultTimeout
	case "approved":
		return whodid.ResultApproved
	case "changes_requested", "unapproved":
		return whodid.ResultRejected
	default:
		return whodid.ResultNone
	}
}

// maxListed is how many commits of a push are listed.
const maxListed = 100

// Listed are the last of the commit ids, as many as an event lists.
func Listed(shas []string) []string { return shas[max(0, len(shas)-maxListed):] }
