package proof_test

import (
	"maps"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// awkward are characters that encodings stumble over: quotes, separators,
// controls, the ends of planes, a combining mark, a non-character.
var awkward = []rune("\"\\/\n\r\t\b\f\x01\x1f\x7f\u0080\u2028\u2029\u0301\uFFFD\uFFFF😀𐀀<>&{}[],: aé中")

func text(limit int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringOfN(rapid.RuneFrom(awkward), 0, 24, limit).Draw(t, "text")
		return s
	})
}

func pseudonym() *rapid.Generator[string] { return rapid.StringMatching(`[a-z0-9]{1,20}`) }

// validEvent draws an event that the trail would take, as it takes it.
func validEvent() *rapid.Generator[whodid.Event] {
	return rapid.Custom(func(t *rapid.T) whodid.Event {
		e := whodid.Event{
			Org:          text(32).Draw(t, "org"),
			Key:          "k" + text(64).Draw(t, "key"),
			ActorAuth:    text(64).Draw(t, "actor_auth"),
			OnBehalfAuth: text(64).Draw(t, "on_behalf_auth"),
			What:         rapid.SampledFrom([]string{"file.write", "shell.run", "acme.deploy", "pr.merge"}).Draw(t, "what"),
			Target:       text(256).Draw(t, "target"),
			Why:          text(256).Draw(t, "why"),
			At:           whodid.FromMicros(rapid.Int64Range(946684800e6, 7258118399e6).Draw(t, "at")),
			RecordedAt:   whodid.FromMicros(rapid.Int64Range(946684800e6, 7258118399e6).Draw(t, "recorded_at")),
			Result:       rapid.SampledFrom(whodid.Results()).Draw(t, "result"),
			Session:      text(64).Draw(t, "session"),
			Approval:     text(64).Draw(t, "approval"),
			Source:       "s" + text(64).Draw(t, "source"),
			Data:         whodid.Data{},
		}
		e.Actor = rapid.SampledFrom([]string{whodid.AgentActor("squad/name"), whodid.System, whodid.HumanActor(pseudonym().Draw(t, "person"))}).Draw(t, "actor")
		if rapid.Bool().Draw(t, "on behalf") {
			e.OnBehalfOf = whodid.HumanActor(text(64).Draw(t, "on_behalf_of"))
		}
		if rapid.Bool().Draw(t, "in a run") {
			e.Execution = whodid.DeriveID(whodid.PrefixExecution, e.Key)
		}
		maps.Copy(e.Data, rapid.MapOfN(rapid.StringMatching(`x[a-zA-Z0-9._-]{0,12}`), dataValue(), 0, 6).Draw(t, "data"))
		e.Identify()
		if err := e.Validate(); err != nil {
			t.Fatalf("the generator makes an invalid event: %v", err)
		}
		return e
	})
}

func dataValue() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 3).Draw(t, "type") {
		case 0:
			return text(64).Draw(t, "string")
		case 1:
			return rapid.Int64Range(-1<<53+1, 1<<53-1).Draw(t, "int")
		case 2:
			return rapid.Bool().Draw(t, "bool")
		default:
			return rapid.SliceOfN(text(32), 0, 3).Draw(t, "list")
		}
	})
}

func salt() *rapid.Generator[proof.Salt] {
	return rapid.Custom(func(t *rapid.T) proof.Salt {
		return proof.Salt(rapid.SliceOfN(rapid.Byte(), proof.SaltSize, proof.SaltSize).Draw(t, "salt"))
	})
}

// largestEvent is a valid event whose every field is as long as it may be and
// takes six bytes a character in JSON.
func largestEvent() whodid.Event {
	full := func(n int) string { return strings.Repeat("\x01", n) }
	name := strings.Repeat("n", 64)
	e := whodid.Event{
		Org: full(128), Key: full(whodid.MaxKey), Actor: whodid.AgentActor(name + "/" + name), ActorAuth: full(128),
		OnBehalfOf: whodid.HumanActor(full(122)), OnBehalfAuth: full(128), What: "x." + strings.Repeat("y", 62),
		Target: full(whodid.MaxTarget), Why: full(whodid.MaxWhy), At: time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC),
		RecordedAt: time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC), Result: whodid.ResultCancelled,
		Execution: "exec-" + strings.Repeat("e", 64), Session: full(128), Approval: full(128), Source: full(128),
		Data: whodid.Data{},
	}
	for i := range 15 {
		e.Data["field"+string(rune('a'+i))] = full(whodid.MaxDataString)
	}
	e.Identify()
	return e
}
