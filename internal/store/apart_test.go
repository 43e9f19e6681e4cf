package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/proof"
)

// namesNoOrg are the methods of a store that mean no organisation, or all of
// them, and why that gives nothing away.
var namesNoOrg = map[string]string{
	"Close": "", "Engine": "", "Location": "", "Pool": "", "Ready": "", "SchemaVersion": "",
	"LastFailure": "what the store itself failed on last, for its own metrics",
	"Orgs":        "the names of organisations, for the chores of a server",
	"TokenByHash": "who has the secret is let in: the token says to what",
	"Application": "of tests", "Readers": "of tests", "SetPatience": "of tests", "Listed": "of tests", "ForgetSwept": "of tests",
	"CreateLog": "the organisation is in the log", "CreateToken": "the organisation is in the token",
}

// silent are methods that tell of nothing here: what they would find is a flaw of a
// trail, or the other engine's.
var silent = []string{"Cleaned", "ForgesAreSilent", "Snapshot.Beyond", "Snapshot.Sums", "Snapshot.Merges", "Snapshot.ApprovalEnds", "Snapshot.Actions"}

// TestOrganisationsApart asks, by reflection, every method that there is for what an
// organisation has, before and after another was filled: the answers are the same,
// though the questions are about the other's own runs, people, commits. Whoever
// writes a new method is told if it is not reached by that. Then the one organisation
// writes to what the other has, and the other answers as before.
func TestOrganisationsApart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *store.Store) {
		fillOrg(t, s, "other", 2)
		before := askAll(t, s, "other")
		full := fillOrg(t, s, "acme", 300)
		after := askAll(t, s, "other")
		for _, question := range slices.Sorted(maps.Keys(before)) {
			if diff := difference(before[question], after[question]); diff != "" {
				t.Errorf("%s: the answer is another since another organisation has events (-before +after):\n%s", question, diff)
			}
		}
		acme := askAll(t, s, "acme")
		mustSpeak(t, acme, after)
		for name, write := range orgWrites {
			if err := write(t, s, full, "other"); err != nil {
				t.Logf("%s: %v", name, err) // it may be refused
			}
		}
		for question, answer := range askAll(t, s, "acme") {
			if diff := difference(acme[question], answer); diff != "" {
				t.Errorf("%s: the answer is another since another organisation wrote (-before +after):\n%s", question, diff)
			}
		}
	})
}

// difference compares two answers; "" is none.
func difference(a, b []any) string {
	if reflect.DeepEqual(a, b) {
		return ""
	}
	diff := cmp.Diff(a, b, cmp.Exporter(func(reflect.Type) bool { return true }))
	return diff[:min(len(diff), 2000)]
}

// mustSpeak holds that each method tells something of a full organisation that it
// does not tell of another: else it would prove nothing.
func mustSpeak(t *testing.T, full, other map[string][]any) {
	t.Helper()
	speaks := map[string]bool{}
	for question, answer := range full {
		name, _, _ := cutQuestion(question)
		speaks[name] = speaks[name] || difference(answer, other[question]) != ""
	}
	for _, name := range slices.Sorted(maps.Keys(speaks)) {
		if !speaks[name] && !slices.Contains(silent, name) {
			t.Errorf("%s tells nothing of a full organisation: let fillOrg make something that it tells of, or valuesOf ask for it", name)
		}
	}
}

// question names a call of a method, and cutQuestion takes the name apart.
func question(method string, n int) string { return fmt.Sprintf("%s #%d", method, n) }

func cutQuestion(q string) (method string, n int, err error) {
	_, err = fmt.Sscanf(q, "%s #%d", &method, &n)
	return method, n, err
}

// askAll calls each method that reads within the organisation, with every
// combination of values that its arguments may have.
func askAll(t *testing.T, s *store.Store, org string) map[string][]any {
	t.Helper()
	answers := map[string][]any{}
	v := reflect.ValueOf(s)
	for i := range v.NumMethod() {
		name, method := v.Type().Method(i).Name, v.Method(i)
		if _, ok := namesNoOrg[name]; ok {
			continue
		}
		if _, ok := orgWrites[name]; ok || name == "Snapshot" { // which is asked below
			continue
		}
		in := method.Type()
		if in.NumIn() < 2 || in.In(0) != reflect.TypeFor[context.Context]() || in.In(1).Kind() != reflect.String {
			t.Fatalf("%s%s does not take a context and the organisation: say in namesNoOrg why it may", name, in.String()[len("func"):])
		}
		ask(t, answers, name, method, reflect.ValueOf(t.Context()), reflect.ValueOf(org))
	}
	snapshot, err := s.Snapshot(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	v = reflect.ValueOf(snapshot)
	for i := range v.NumMethod() {
		if name := v.Type().Method(i).Name; name != "Close" {
			ask(t, answers, "Snapshot."+name, v.Method(i), reflect.ValueOf(t.Context()))
		}
	}
	return answers
}

// ask calls a method with the first arguments given and all combinations of others.
func ask(t *testing.T, answers map[string][]any, name string, method reflect.Value, first ...reflect.Value) {
	t.Helper()
	in := method.Type()
	calls := [][]reflect.Value{first}
	times := slices.Collect(timesOf(in))
	for i := len(first); i < in.NumIn(); i++ {
		var longer [][]reflect.Value
		of := in.In(i)
		if in.IsVariadic() && i == in.NumIn()-1 {
			of = of.Elem()
		}
		values := valuesOf(t, of)
		if of == reflect.TypeFor[time.Time]() {
			values, times = times[0], times[1:]
		}
		if of.Kind() == reflect.String && i > len(first) && in.In(i-1).Kind() == reflect.String { // a second one is where events come from
			values = []reflect.Value{reflect.ValueOf("webhook:github")}
		}
		for _, call := range calls {
			for _, value := range values {
				longer = append(longer, append(slices.Clone(call), value))
			}
		}
		calls = longer
	}
	for n, call := range calls {
		var told []any
		for i := range call {
			if call[i].Kind() == reflect.Func {
				call[i] = listener(call[i].Type(), &told)
			}
		}
		answer := []any{}
		for _, out := range method.Call(call) {
			answer = append(answer, plainly(t, out)...)
		}
		answers[question(name, n)] = append(answer, told...)
	}
}

// timesOf are what the times among a method's arguments may be: the beginning and
// the end of a period, or a single one.
func timesOf(in reflect.Type) iter.Seq[[]reflect.Value] {
	begin, end := []reflect.Value{reflect.ValueOf(long)}, []reflect.Value{reflect.ValueOf(farOff)}
	n := 0
	for i := range in.NumIn() {
		if in.In(i) == reflect.TypeFor[time.Time]() {
			n++
		}
	}
	return func(yield func([]reflect.Value) bool) {
		switch {
		case n == 1:
			yield(slices.Concat(begin, end))
		case n > 1:
			more := true
			for range n - 1 {
				more = more && yield(begin)
			}
			_ = more && yield(end)
		}
	}
}

// listener is a function that keeps what it is told, and says yes.
func listener(of reflect.Type, told *[]any) reflect.Value {
	return reflect.MakeFunc(of, func(args []reflect.Value) []reflect.Value {
		for _, arg := range args {
			text, err := json.Marshal(arg.Interface()) // as it is now: it may be used again
			*told = append(*told, string(text), err)
		}
		var out []reflect.Value
		for i := range of.NumOut() {
			yes := reflect.Zero(of.Out(i))
			if yes.Kind() == reflect.Bool {
				yes = reflect.ValueOf(true)
			}
			out = append(out, yes)
		}
		return out
	})
}

// plainly is what an answer says: of an error its text, of a function what it says
// in turn.
func plainly(t *testing.T, out reflect.Value) []any {
	t.Helper()
	switch answer := out.Interface().(type) {
	case error:
		return []any{answer.Error()}
	case store.Purged: // it says where the log of the server is, which all share
		return []any{answer.Left}
	case proof.TileReader:
		hashes, err := answer(0, 0, 1)
		return []any{hashes, fmt.Sprint(err)}
	case func(string) bool:
		var all []any
		for _, text := range texts {
			all = append(all, answer(text))
		}
		return all
	default:
		return []any{answer}
	}
}

// The times between which everything is.
var (
	long   = storetest.Epoch.AddDate(-1, 0, 0)
	farOff = storetest.Epoch.AddDate(1, 0, 0)
)
