package laws

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// tampering is one way to falsify a trail, and what verify must say to it.
type tampering struct {
	name string
	only string // the engine, if it can't be done on the other
	// do falsifies and returns the rows that verify must name.
	do func(a *attacker) named
	// kinds are those of which one must be among the problems; empty is any.
	kinds []string
	// unreadable says that what is left can't be read at all: verify can't
	// judge it, and says so.
	unreadable bool
}

// named are rows that a problem must name each.
type named struct {
	seqs       []uint64
	executions []string
}

// crime is the scene: a trail as it was yesterday, and as it is.
type crime struct {
	w                *world
	yesterday, today copied
}

// scene makes a trail of hundreds of events, witnessed in git and pinned, with
// a copy of it as it was before the last of them.
func scene(t *testing.T, w *world) *crime {
	t.Helper()
	r, done := w.recorder(t)
	random := rand.New(rand.NewPCG(5, 5))
	write := func(from, to int) {
		for n := from; n < to; n++ {
			if _, err := r.Record(t.Context(), session(random, fmt.Sprint(n))...); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(0, 40)
	done()
	w.mustHold(t)
	c := &crime{w: w, yesterday: copyOf(t, w, "yesterday")}
	r, done = w.recorder(t)
	write(40, 60)
	done()
	w.whodid(t, "witness", "git")
	if v := w.mustHold(t); v.TreeSize <= proof.TileWidth {
		t.Fatalf("%d events make no complete tile", v.TreeSize)
	}
	c.today = copyOf(t, w, "today")
	return c
}

// TestTampering falsifies a trail in every way that somebody with all rights
// in its database can, and expects verify to find it and to name the row.
func TestTampering(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		c := scene(t, w)
		for _, crime := range slices.Concat(rowTampering(), sealTampering(), viewTampering(), idTampering()) {
			if crime.only != "" && crime.only != w.engine {
				continue
			}
			t.Run(crime.name, func(t *testing.T) {
				defer c.today.restore(t, w, true)
				a := attack(t, w)
				defer a.close()
				want := crime.do(a)
				if crime.unreadable {
					loud(t, w, want)
					return
				}
				found(t, w, want, crime.kinds)
			})
		}
		w.mustHold(t) // it was the tampering that was found, not the tests
	})
}

// found fails the test unless verify exits with 3 and names what it must.
func found(t *testing.T, w *world, want named, kinds []string) {
	t.Helper()
	v := w.verify(t)
	if v.exit != 3 {
		t.Fatalf("verify exits with %d and finds %+v\n%s", v.exit, v.Problems, v.stderr)
	}
	if len(kinds) > 0 && !slices.ContainsFunc(v.Problems, func(p problem) bool { return slices.Contains(kinds, p.Kind) }) {
		t.Errorf("no problem is one of %v: %+v", kinds, v.Problems)
	}
	for _, seq := range want.seqs {
		if !slices.ContainsFunc(v.Problems, func(p problem) bool { return p.Seq != nil && *p.Seq == seq }) {
			t.Errorf("row %d is not named: %s", seq, short(v.Problems))
		}
	}
	for _, id := range want.executions {
		if !slices.ContainsFunc(v.Problems, func(p problem) bool { return p.ExecutionID == id }) {
			t.Errorf("execution %s is not named: %s", id, short(v.Problems))
		}
	}
	refuted := false
	for _, verdict := range v.Verdicts {
		refuted = refuted || verdict.State == string(proof.Refuted)
	}
	if !refuted {
		t.Errorf("no verdict is refuted: %+v", v.Verdicts)
	}
}

// loud fails the test unless verify fails and says which execution, if any,
// can't be read.
func loud(t *testing.T, w *world, want named) {
	t.Helper()
	o := w.run(t, nil, "whodid", "verify", "--json")
	if o.code == 0 || o.code != 3 && o.stderr == "" {
		t.Errorf("verify exits with %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	for _, id := range want.executions {
		if !strings.Contains(o.stdout+o.stderr, id) {
			t.Errorf("execution %s is not named: %s%s", id, o.stdout, o.stderr)
		}
	}
}

// short lists problems in a few words.
func short(problems []problem) (s string) {
	for _, p := range problems {
		seq := "-"
		if p.Seq != nil {
			seq = fmt.Sprint(*p.Seq)
		}
		s += fmt.Sprintf("\n%s #%s %s: %.160s", p.Kind, seq, p.ExecutionID, p.Detail)
	}
	return s
}

// forgeries give each column of an event another value.
var forgeries = map[string]string{
	"id": `'evt-00000000000000000000000000'`, "key": `key || '-x'`, "what": `'pr.merge'`, "class": `'permanent'`, "action": `0`,
	"actor": `'agent:eng/somebody-else'`, "actor_auth": `'token'`, "on_behalf_of": `'human:p1'`, "on_behalf_auth": `'token'`,
	"target": `'src/other.go'`, "at": `at + 1`, "recorded_at": `recorded_at + 1`, "why": `'because'`, "result": `CASE WHEN result = 'success' THEN 'failed' ELSE 'success' END`,
	"execution": `'exec-0000000000000000'`, "session": `'another'`, "approval": `'appr-1'`, "source": `'cli'`, "data": `'{"tool":"Read"}'`,
	"leaf": `(SELECT e.leaf FROM event AS e WHERE e.seq = 0)`, "erased_by": `'policy 1'`,
}

func rowTampering() []tampering {
	return []tampering{
		{name: "each column of an action is edited", do: func(a *attacker) (want named) {
			rows := a.seqs(`action = 1`, len(forgeries)+2)
			i := 0
			for column, value := range forgeries {
				a.exec(fmt.Sprintf(`UPDATE event SET %s = %s WHERE seq = %d`, column, value, rows[i]))
				i++
			}
			a.exec(`UPDATE event SET salt = $1 WHERE seq = $2`, make([]byte, proof.SaltSize), int64(rows[i]))
			a.exec(`UPDATE event SET commitments = $1 WHERE seq = $2`, []byte("x"), int64(rows[i+1]))
			return named{seqs: rows}
		}},
		{name: "an action is erased without a trace", do: func(a *attacker) named {
			rows := a.seqs(`action = 1`, 2)
			a.exec(fmt.Sprintf(`UPDATE event SET salt = NULL, target = '', why = '', data = '{}', on_behalf_of = '', on_behalf_auth = '' WHERE seq = %d`, rows[1]))
			return named{seqs: rows[1:]}
		}},
		{name: "a row is deleted", kinds: []string{"missing"}, do: func(a *attacker) named {
			rows := a.seqs(`action = 1`, 3)
			a.exec(fmt.Sprintf(`DELETE FROM event WHERE seq = %d`, rows[2]))
			return named{seqs: rows[2:]}
		}},
		{name: "rows at both ends and across a tile are deleted", kinds: []string{"missing"}, do: func(a *attacker) named {
			last := a.size() - 1
			a.exec(fmt.Sprintf(`DELETE FROM event WHERE seq IN (0, %d, %d, %d)`, proof.TileWidth-1, proof.TileWidth, last))
			return named{seqs: []uint64{0, proof.TileWidth - 1, proof.TileWidth, last}}
		}},
		{name: "a row is inserted at the end", kinds: []string{"inserted"}, do: func(a *attacker) named {
			n := a.size()
			a.insertCopy(0, n)
			return named{seqs: []uint64{n}}
		}},
		{name: "a row is inserted before the beginning", kinds: []string{"inserted"}, do: func(a *attacker) named {
			a.exec(fmt.Sprintf(`UPDATE event SET seq = -1 WHERE seq = %d`, a.size()-1))
			return named{seqs: []uint64{a.size() - 1}}
		}},
		{name: "two rows are swapped by their places", do: func(a *attacker) named {
			rows := a.seqs(`action = 1`, 9)
			a.exec(fmt.Sprintf(`UPDATE event SET seq = -5 WHERE seq = %d`, rows[3]))
			a.exec(fmt.Sprintf(`UPDATE event SET seq = %d WHERE seq = %d`, rows[3], rows[8]))
			a.exec(fmt.Sprintf(`UPDATE event SET seq = %d WHERE seq = -5`, rows[8]))
			return named{seqs: []uint64{rows[3], rows[8]}}
		}},
		{name: "two rows are swapped by their contents", do: func(a *attacker) named {
			rows := a.seqs(`action = 1`, 9)
			var one, two string
			a.scan(fmt.Sprintf(`SELECT target FROM event WHERE seq = %d`, rows[3]), &one)
			a.scan(fmt.Sprintf(`SELECT target FROM event WHERE seq = %d`, rows[8]), &two)
			if one == two {
				two += ".old"
			}
			a.exec(`UPDATE event SET target = $1 WHERE seq = $2`, two, int64(rows[3]))
			a.exec(`UPDATE event SET target = $1 WHERE seq = $2`, one+".x", int64(rows[8]))
			return named{seqs: []uint64{rows[3], rows[8]}}
		}},
		{name: "the tail is cut", kinds: []string{"missing"}, do: func(a *attacker) named {
			last := a.size() - 1
			a.exec(fmt.Sprintf(`DELETE FROM event WHERE seq > %d`, last-3))
			return named{seqs: []uint64{last - 2, last - 1, last}}
		}},
		{name: "the tail is cut, and head, tiles and edge edited to fit", kinds: []string{"head"}, do: func(a *attacker) named {
			a.exec(fmt.Sprintf(`DELETE FROM event WHERE seq > %d`, a.size()-4))
			a.reseal("")
			return named{}
		}},
		{name: "a row is edited and its leaf made anew", kinds: []string{"edited"}, do: func(a *attacker) named {
			rows := a.seqs(`action = 1`, 4)
			edge := a.size() - 2
			for _, seq := range []uint64{rows[3], edge} {
				a.exec(fmt.Sprintf(`UPDATE event SET why = 'forged' WHERE seq = %d`, seq))
				a.remakeLeaf(seq)
			}
			return named{seqs: []uint64{rows[3], edge}}
		}},
		{name: "a second row has the place of another", only: "postgres", kinds: []string{"inserted"}, do: func(a *attacker) named {
			rows := a.seqs(`action = 1`, 4)
			a.insertCopy(rows[2], rows[3])
			return named{seqs: rows[3:]}
		}},
		{name: "the row whose place a second one has is read after it", only: "postgres", kinds: []string{"inserted"}, do: func(a *attacker) named {
			// It is written anew behind the forged one, and is later than it by the
			// index too: the forged one comes first whichever way rows are read.
			rows := a.seqs(`action = 1`, 4)
			a.insertCopy(rows[2], rows[3])
			a.exec(`UPDATE event SET recorded_at = recorded_at - 1000 WHERE id = 'evt-forged'`)
			a.exec(fmt.Sprintf(`UPDATE event SET recorded_at = recorded_at WHERE seq = %d AND id <> 'evt-forged'`, rows[3]))
			return named{seqs: rows[3:]}
		}},
	}
}

// insertCopy inserts a copy of a row at another place, under another id.
func (a *attacker) insertCopy(from, to uint64) {
	const columns = `key, what, class, action, actor, actor_auth, on_behalf_of, on_behalf_auth, target, at, why, result, execution, session, approval, source, data, salt, leaf`
	a.exec(fmt.Sprintf(`INSERT INTO event (org, seq, id, recorded_at, %s) SELECT org, %d, 'evt-forged', recorded_at + 7, %s FROM event WHERE seq = %d`, columns, to, columns, from))
}

// remakeLeaf makes a row's leaf anew from what the row says now.
func (a *attacker) remakeLeaf(seq uint64) {
	a.t.Helper()
	s := a.w.open(a.t)
	defer s.Close()
	rows, err := s.Events(a.t.Context(), store.DefaultOrg, store.EventFilter{AfterSeq: seq, Limit: 1})
	if err != nil || len(rows) != 1 {
		a.t.Fatalf("%d rows, %v", len(rows), err)
	}
	r := rows[0].Record()
	leaf, err := r.Leaf()
	if err != nil {
		a.t.Fatal(err)
	}
	hash := proof.LeafHash(leaf)
	a.exec(`UPDATE event SET leaf = $1 WHERE seq = $2`, hash[:], int64(seq))
}

func sealTampering() []tampering {
	byteOf := func(table, column string) string {
		return fmt.Sprintf(`UPDATE %s SET %s = $1`, table, column)
	}
	return []tampering{
		{name: "a hash in a tile is edited", kinds: []string{"edited", "tile"}, do: func(a *attacker) named {
			var hashes []byte
			a.scan(`SELECT hashes FROM tile WHERE level = 0 AND n = 0`, &hashes)
			hashes[7*32] ^= 1
			a.exec(byteOf("tile", "hashes")+` WHERE level = 0 AND n = 0`, hashes)
			return named{seqs: []uint64{7}}
		}},
		{name: "a tile is cut", kinds: []string{"tile"}, do: func(a *attacker) named {
			a.exec(byteOf("tile", "hashes")+` WHERE level = 0 AND n = 0`, make([]byte, 32))
			return named{}
		}},
		{name: "a tile is no list of hashes", kinds: []string{"tile"}, do: func(a *attacker) named {
			a.exec(byteOf("tile", "hashes")+` WHERE level = 0 AND n = 0`, []byte("x"))
			return named{}
		}},
		{name: "a tile is deleted", kinds: []string{"tile"}, do: func(a *attacker) named {
			a.exec(`DELETE FROM tile WHERE level = 0 AND n = 0`)
			return named{}
		}},
		{name: "the edge is edited", do: func(a *attacker) named {
			var edge []byte
			a.scan(`SELECT edge FROM head`, &edge)
			edge[0] ^= 1
			a.exec(byteOf("head", "edge"), edge)
			return named{seqs: []uint64{a.size() / proof.TileWidth * proof.TileWidth}}
		}},
		{name: "the frontier is edited", kinds: []string{"head"}, do: func(a *attacker) named {
			var frontier []byte
			a.scan(`SELECT frontier FROM head`, &frontier)
			frontier[0] ^= 1
			a.exec(byteOf("head", "frontier"), frontier)
			return named{}
		}},
		{name: "the checkpoint is edited", kinds: []string{"head"}, do: func(a *attacker) named {
			var checkpoint string
			a.scan(`SELECT checkpoint FROM head`, &checkpoint)
			lines := strings.SplitN(checkpoint, "\n", 4) // origin, size, root, the rest
			edited := "A"
			if strings.HasPrefix(lines[2], edited) {
				edited = "B"
			}
			lines[2] = edited + lines[2][1:]
			a.exec(`UPDATE head SET checkpoint = $1`, strings.Join(lines, "\n"))
			return named{}
		}},
		{name: "the tree's size is edited", unreadable: true, do: func(a *attacker) named {
			a.exec(`UPDATE head SET size = size - 1`)
			return named{}
		}},
		{name: "the log's public key is replaced", kinds: []string{"key", "head"}, do: func(a *attacker) named {
			_, public := strangeKey(a)
			a.exec(`UPDATE log SET public_key = $1`, public)
			return named{}
		}},
		{name: "the log's origin is replaced", do: func(a *attacker) named {
			a.exec(`UPDATE log SET origin = 'whodid/other'`)
			return named{}
		}},
		{name: "a row is edited and everything sealed again with another key", kinds: []string{"key"}, do: func(a *attacker) named {
			a.exec(fmt.Sprintf(`UPDATE event SET why = 'forged' WHERE seq = %d`, a.seqs(`action = 1`, 1)[0]))
			private, public := strangeKey(a)
			a.exec(`UPDATE log SET public_key = $1`, public)
			a.reseal(private)
			return named{}
		}},
		{name: "the tail is cut and everything sealed again with another key", kinds: []string{"key"}, do: func(a *attacker) named {
			a.exec(fmt.Sprintf(`DELETE FROM event WHERE seq >= %d`, a.size()-5))
			private, public := strangeKey(a)
			a.exec(`UPDATE log SET public_key = $1`, public)
			a.reseal(private)
			return named{}
		}},
	}
}

// strangeKey makes a key of another, under the log's own origin.
func strangeKey(a *attacker) (private, public string) {
	a.t.Helper()
	var origin string
	a.scan(`SELECT origin FROM log`, &origin)
	private, public, err := proof.GenerateKey(origin)
	if err != nil {
		a.t.Fatal(err)
	}
	return private, public
}

func viewTampering() []tampering {
	columns := map[string]string{
		"agent": `'eng/nobody'`, "squad": `'none'`, "trigger": `'manual'`, "trigger_detail": `'x'`, "why": `'x'`, "started_at": `started_at - 1`,
		"completed_at": `1`, "status": `CASE WHEN status = 'success' THEN 'failed' ELSE 'success' END`, "status_reason": `'x'`, "model": `'x'`,
		"tokens_in": `7777777`, "tokens_out": `7777777`, "tokens_cache_read": `7777777`, "tokens_cache_write": `7777777`,
		"cost_micros": `7777777`, "cost_known": `7777777`, "cost_state": `'x'`, "session": `'x'`, "parent": `'x'`, "subagent": `'x'`,
		"on_behalf_of": `'human:x'`, "on_behalf_auth": `'x'`, "source": `'x'`, "lease_until": `7`, "tags": `'{"team":"forged"}'`, "folded": `'{}'`,
		"repository": `'x'`, "calls": `7777777`, "parts": `'[{"model":"x","state":"unknown","calls":1,"cost":1,"in":null,"out":null,"cr":null,"cw":null}]'`,
	}
	return []tampering{
		{name: "each column of an execution is edited", kinds: []string{"view"}, do: func(a *attacker) (want named) {
			ids := a.strings(`SELECT id FROM execution ORDER BY id`)
			i := 0
			for column, value := range columns {
				a.exec(fmt.Sprintf(`UPDATE execution SET %s = %s WHERE id = '%s'`, column, value, ids[i]))
				want.executions = append(want.executions, ids[i])
				i++
			}
			return want
		}},
		{name: "what an execution remembers is no longer to be read", unreadable: true, do: func(a *attacker) named {
			ids := a.strings(`SELECT id FROM execution ORDER BY id LIMIT 1`)
			a.exec(fmt.Sprintf(`UPDATE execution SET folded = '[7]' WHERE id = '%s'`, ids[0]))
			return named{executions: ids}
		}},
		{name: "an execution's tags are no longer to be read", unreadable: true, do: func(a *attacker) named {
			ids := a.strings(`SELECT id FROM execution ORDER BY id LIMIT 1`)
			a.exec(fmt.Sprintf(`UPDATE execution SET tags = '7' WHERE id = '%s'`, ids[0]))
			return named{executions: ids}
		}},
		{name: "an execution is deleted", kinds: []string{"view"}, do: func(a *attacker) named {
			ids := a.strings(`SELECT id FROM execution ORDER BY id LIMIT 1`)
			a.exec(fmt.Sprintf(`DELETE FROM execution WHERE id = '%s'`, ids[0]))
			return named{executions: ids}
		}},
		{name: "what the runs of an hour add up to is edited", kinds: []string{"view"}, do: func(a *attacker) named {
			a.exec(`UPDATE run_hour SET cost_micros = cost_micros + 1`)
			return named{}
		}},
		{name: "the runs of an hour are deleted", kinds: []string{"view"}, do: func(a *attacker) named {
			a.exec(`DELETE FROM run_hour`)
			return named{}
		}},
		{name: "the runs of a day are given to another repository", kinds: []string{"view"}, do: func(a *attacker) named {
			a.exec(`UPDATE run_day SET repository = 'acme/elsewhere'`)
			return named{}
		}},
		{name: "who opened what was merged is edited", kinds: []string{"view"}, do: func(a *attacker) named {
			a.exec(`INSERT INTO merge (org, at, seq, opener, agent, execution) SELECT org, 1, 1, 2, 'eng/nobody', '' FROM log`)
			return named{}
		}},
		{name: "actions are counted that nobody did", kinds: []string{"view"}, do: func(a *attacker) named {
			a.exec(`UPDATE action_hour SET n = n + 1`)
			return named{}
		}},
		{name: "an approval is made up", kinds: []string{"view"}, do: func(a *attacker) named {
			a.exec(`INSERT INTO approval_end (org, approval, requested, decided, granted) SELECT org, 'appr-forged', 1, 2, 1 FROM log`)
			return named{}
		}},
		{name: "an execution is made up", kinds: []string{"view"}, do: func(a *attacker) named {
			ids := a.strings(`SELECT id FROM execution ORDER BY id LIMIT 1`)
			a.exec(fmt.Sprintf(`UPDATE execution SET id = 'exec-forged' WHERE id = '%s'`, ids[0]))
			return named{executions: append(ids, "exec-forged")}
		}},
	}
}

func idTampering() []tampering {
	return []tampering{
		{name: "an id is deleted", only: "postgres", do: func(a *attacker) named {
			a.exec(`DELETE FROM event_id WHERE seq = 3`)
			return named{}
		}},
		{name: "an id is made up", only: "postgres", do: func(a *attacker) named {
			a.exec(`INSERT INTO event_id (org, id, seq) VALUES ('default', 'evt-forged', 3)`)
			return named{}
		}},
	}
}

// TestRollback puts the trail back to where it was, or rewrites it with its own
// key: only who saw it before can tell, the pin or git, each of them alone.
func TestRollback(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		c := scene(t, w)
		signing := w.place(t).SigningKey
		for name, crime := range map[string]func(t *testing.T){
			"yesterday's copy": func(t *testing.T) { c.yesterday.restore(t, w, false) },
			"yesterday's copy and other events": func(t *testing.T) {
				c.yesterday.restore(t, w, false)
				r, done := w.recorder(t)
				defer done()
				random := rand.New(rand.NewPCG(99, 99))
				for n := range 40 {
					if _, err := r.Record(t.Context(), session(random, fmt.Sprint("other-", n))...); err != nil {
						t.Fatal(err)
					}
				}
			},
			"a row edited, everything sealed with the trail's own key": func(t *testing.T) {
				a := attack(t, w)
				defer a.close()
				a.exec(fmt.Sprintf(`UPDATE event SET target = 'forged.go' WHERE seq = %d`, a.seqs(`action = 1`, 1)[0]))
				private, _ := keyAtHand(t, signing)
				a.reseal(private)
			},
			"everything sealed with another key, which takes the place of the one at hand": func(t *testing.T) {
				a := attack(t, w)
				defer a.close()
				private, public := strangeKey(a)
				a.exec(`UPDATE log SET public_key = $1`, public)
				a.reseal(private)
				if err := os.WriteFile(signing, []byte(private+"\n"+public+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
		} {
			for _, witness := range []string{"the pin", "git"} {
				t.Run(name+", seen by "+witness, func(t *testing.T) {
					defer c.today.restore(t, w, true)
					crime(t)
					gone := w.place(t).Pins
					if witness == "the pin" {
						gone = w.dir + "/.git"
					}
					if err := os.RemoveAll(gone); err != nil {
						t.Fatal(err)
					}
					found(t, w, named{}, []string{"rewritten"})
					// It is not forgotten by asking, whatever is asked.
					w.run(t, nil, "whodid", "history")
					found(t, w, named{}, []string{"rewritten"})
				})
			}
		}
		w.mustHold(t)
	})
}

// keyAtHand reads the trail's signing key.
func keyAtHand(t testing.TB, path string) (private, public string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(text), &private, &public); err != nil {
		t.Fatal(err)
	}
	return private, public
}
