package export

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/population"
)

// reader turns events of the log into rows and lines of the account.
type reader struct {
	*writer
	*pipeline
	places map[string]int // of tables
	whats  map[string]int // the table of each verb
	next   uint64         // the place in the log that is due
	texts  []byte
	event  whodid.Event
	record proof.Record
	// dataText is the metadata of the event, as a string that stays.
	dataText string
}

func (w *writer) events(p *pipeline) error {
	r := &reader{writer: w, pipeline: p, places: map[string]int{}, whats: map[string]int{}, next: w.span.First}
	for i := range w.tables {
		r.places[w.tables[i].Name] = i
	}
	for first := w.span.First; first < w.span.End; first += chunk {
		end := min(first+chunk, w.span.End)
		if err := w.snapshot.Raw(p.ctx, first, end, r.take); err != nil {
			p.fail(err)
			return err
		}
		if err := r.swept(end); err != nil {
			p.fail(err)
			return err
		}
		if w.Progress != nil {
			w.Progress(end-w.span.First, w.span.End-w.span.First)
		}
	}
	return nil
}

// take takes the next event.
func (r *reader) take(raw *store.RawEvent) error {
	if err := r.swept(raw.Seq); err != nil {
		return err
	}
	r.next++
	if err := r.open(raw); err != nil {
		return err
	}
	at := r.Basis.Of(&r.event)
	if at.Before(r.From) || !at.Before(r.To) {
		return r.beside(raw)
	}
	table, ok := r.whats[r.event.What]
	if !ok {
		table = r.places[population.TableOf(r.event.What)]
		r.whats[strings.Clone(r.event.What)] = table
	}
	row := r.pipeline.open.row(table, len(r.tables[table].Columns))
	if err := population.EventRow(&r.record, r.dataText, row); err != nil {
		return err
	}
	r.rows[table]++
	r.span.Events++
	if err := r.note(table, row); err != nil {
		return err
	}
	b := append(append(append(r.pipeline.open.entries, `{"table":"`...), r.tables[table].Name...), `","`...)
	if raw.Salt != nil {
		b = base64.StdEncoding.AppendEncode(append(b, `salt":"`...), raw.Salt)
	} else {
		r.span.Erased++
		b = base64.StdEncoding.AppendEncode(append(b, `kept":"`...), raw.Commitments)
	}
	r.pipeline.open.entries = append(b, "\"}\n"...)
	return r.flushFull()
}

// open reads an event. Its texts are one string, so that they are kept at the
// cost of one.
func (r *reader) open(raw *store.RawEvent) error {
	r.texts = r.texts[:0]
	for _, text := range raw.Texts {
		r.texts = append(r.texts, text...)
	}
	all := string(r.texts)
	var text [store.RawErasedBy + 1]string
	for i := range raw.Texts {
		n := len(raw.Texts[i])
		text[i], all = all[:n], all[n:]
	}
	r.event = whodid.Event{
		Org: r.Org, ID: text[store.RawID], Key: text[store.RawKey], What: text[store.RawWhat],
		Actor: text[store.RawActor], ActorAuth: text[store.RawActorAuth], OnBehalfOf: text[store.RawOnBehalfOf], OnBehalfAuth: text[store.RawOnBehalfAuth],
		Target: text[store.RawTarget], At: whodid.FromMicros(raw.At), RecordedAt: whodid.FromMicros(raw.RecordedAt),
		Why: text[store.RawWhy], Result: whodid.Result(text[store.RawResult]), Execution: text[store.RawExecution],
		Session: text[store.RawSession], Approval: text[store.RawApproval], Source: text[store.RawSource],
	}
	r.record = proof.Record{Event: &r.event, Data: raw.Texts[store.RawData], ErasedBy: text[store.RawErasedBy], Index: raw.Seq, Commitments: raw.Commitments}
	r.dataText = text[store.RawData]
	switch len(raw.Salt) {
	case proof.SaltSize:
		r.record.Salt = (*proof.Salt)(raw.Salt)
	case 0:
	default:
		return fmt.Errorf("%w: event %s has a salt of %d bytes", store.ErrDamaged, r.event.ID, len(raw.Salt))
	}
	return nil
}

// note adds an event of the period to what is added up.
func (r *reader) note(table int, row []population.Value) error {
	if r.drawer != nil && r.tables[table].Name == r.SampleOf {
		r.drawer.Offer(row)
	}
	if r.record.Salt == nil && r.event.Execution != "" && strings.HasPrefix(r.event.What, "execution.") {
		fields, err := r.record.Erased()
		if err != nil {
			return err
		}
		kept := append(r.erased[r.event.Execution], fields...)
		slices.Sort(kept)
		r.erased[r.event.Execution] = slices.Compact(kept)
	}
	return r.versions.note(&r.event, r.dataText)
}

// beside accounts for an entry of another time.
func (r *reader) beside(raw *store.RawEvent) error {
	if !r.leaves {
		r.span.Hidden++
		return r.hashes(population.WhyOutside, raw.Leaf)
	}
	leaf, err := r.record.Leaf()
	if err != nil {
		return err
	}
	r.span.Outside++
	b := append(r.pipeline.open.entries, `{"leaf":`...)
	r.pipeline.open.entries = append(whodid.AppendJSONString(b, string(leaf)), "}\n"...)
	return r.flushFull()
}

// swept accounts for entries that are not there any more, up to a place.
func (r *reader) swept(to uint64) error {
	for r.next < to {
		tile := r.next >> proof.TileHeight
		width := min(r.manifest.Checkpoint.Size-tile<<proof.TileHeight, proof.TileWidth)
		hashes, err := r.tiles(0, tile, int(width))
		if err != nil {
			return err
		}
		var out []byte
		for ; r.next < to && r.next>>proof.TileHeight == tile; r.next++ {
			out = append(out, hashes[r.next&(proof.TileWidth-1)][:]...)
			r.span.Swept++
		}
		if err := r.hashes(population.WhySwept, out); err != nil {
			return err
		}
	}
	return nil
}

// hashes accounts for entries of which only the hash is shown.
func (r *reader) hashes(why string, hashes []byte) error {
	b := append(r.pipeline.open.entries, `{"hashes":[`...)
	for i := 0; i < len(hashes); i += len(proof.Hash{}) {
		if i > 0 {
			b = append(b, ',')
		}
		b = hex.AppendEncode(append(b, '"'), hashes[i:i+len(proof.Hash{})])
		b = append(b, '"')
	}
	r.pipeline.open.entries = append(append(append(b, `],"why":"`...), why...), "\"}\n"...)
	return r.flushFull()
}

// versions are the versions of policies that events name.
type versions map[[3]string]*version

type version struct {
	first, last, events int64
	event               string
	seen                int // how many were known before it
}

func (v *versions) note(e *whodid.Event, text string) error {
	retention := e.What == "retention.set"
	if !retention && !strings.Contains(text, `"policy_digest":`) {
		return nil
	}
	var data whodid.Data
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		return fmt.Errorf("%w: metadata of event %s: %w", store.ErrDamaged, e.ID, err)
	}
	key := [3]string{"commits", data.String("policy"), data.String("policy_digest")}
	if retention {
		run, _ := data.Int("run_days")
		session, _ := data.Int("session_days")
		key = [3]string{"retention", fmt.Sprintf("%s, runs %d days, sessions %d days", e.Target, run, session), ""}
	}
	if *v == nil {
		*v = versions{}
	}
	at := whodid.Micros(e.At)
	known := (*v)[key]
	if known == nil {
		known = &version{first: at, last: at, event: strings.Clone(e.ID), seen: len(*v)}
		(*v)[[3]string{key[0], strings.Clone(key[1]), strings.Clone(key[2])}] = known
	}
	known.first, known.last = min(known.first, at), max(known.last, at)
	known.events++
	return nil
}

// policyVersions writes the versions, in the order in which events named them.
func (w *writer) policyVersions(p *pipeline) error {
	table := slices.IndexFunc(w.tables, func(t population.Table) bool { return t.Name == population.PolicyVersions })
	keys := slices.SortedFunc(maps.Keys(w.versions), func(a, b [3]string) int { return w.versions[a].seen - w.versions[b].seen })
	for _, key := range keys {
		v := w.versions[key]
		copy(p.open.row(table, len(w.tables[table].Columns)), []population.Value{
			population.Words(key[0]), population.Words(key[1]), population.Words(key[2]),
			population.Micros(v.first), population.Micros(v.last), population.Number(v.events), population.Words(v.event),
		})
		w.rows[table]++
	}
	return nil
}

// executions writes the executions that overlap the period.
func (w *writer) executions(p *pipeline) error {
	table := slices.IndexFunc(w.tables, func(t population.Table) bool { return t.Name == population.Executions })
	columns := w.tables[table].Columns
	err := w.snapshot.Overlapping(p.ctx, w.From, w.To, func(x *whodid.Execution) error {
		row := p.open.row(table, len(columns))
		if err := executionRow(x, w.erased[x.ID], row); err != nil {
			return err
		}
		w.rows[table]++
		if w.drawer != nil && w.SampleOf == population.Executions {
			w.drawer.Offer(row)
		}
		return p.flushFull()
	})
	if err != nil {
		p.fail(err)
	}
	return err
}

func executionRow(x *whodid.Execution, erased []string, row []population.Value) error {
	u := x.Usage
	in, out, cacheRead, cacheWrite := u.Tokens()
	cost, costKnown := population.Null(), population.Null()
	if u.CostState() != whodid.CostUnknown {
		cost = population.Number(u.CostMicros)
	}
	if u.Calls > u.NoCost {
		costKnown = population.Number(u.CostMicros)
	}
	tags := ""
	if len(x.Tags) > 0 {
		data := make(whodid.Data, len(x.Tags))
		for name, value := range x.Tags {
			data[name] = value
		}
		tags = string(data.Canonical())
	}
	moment := func(us int64, known bool) population.Value {
		if !known {
			return population.Null()
		}
		return population.Micros(us)
	}
	gone := ""
	if len(erased) > 0 {
		text, err := json.Marshal(erased)
		if err != nil {
			return err
		}
		gone = string(text)
	}
	calls := population.Null()
	if u.Calls > 0 {
		calls = population.Number(u.Calls)
	}
	word := population.Words
	copy(row, []population.Value{
		word(x.ID), word(x.Agent), word(x.Squad), word(x.Trigger), word(x.TriggerDetail), word(x.Why),
		moment(whodid.Micros(x.StartedAt), !x.StartedAt.IsZero()), moment(whodid.Micros(x.CompletedAt), !x.CompletedAt.IsZero()),
		word(string(x.Status)), word(x.StatusReason), word(x.Model), calls,
		population.Optional(in), population.Optional(out), population.Optional(cacheRead), population.Optional(cacheWrite),
		cost, costKnown, word(string(u.CostState())), word(x.Session), word(x.Parent), word(x.Subagent), word(x.OnBehalfOf), word(x.OnBehalfAuth),
		word(x.Source), population.Object(tags), population.Object(gone),
	})
	return nil
}
