package page

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

// pageRows is how many rows a table has at once.
const pageRows = 50

// executionsPage is what runs there were.
type executionsPage struct {
	Query, Since, Until string
	Runs                []ask.Execution
	Total               ask.HistoryRow
	Chart               *chart
	Facets              []facet
	Columns             []column
	// Proved says of each run what was confirmed of it, where that is shown.
	Proved map[string]whodid.ProvedState
	// More is where the next rows are, First where the first ones; empty for none.
	More, First string
	// Wider is where to look when there is nothing in this time; empty for none.
	Wider string
	// Anything tells whether anything was ever recorded.
	Anything bool
	Periods  []period
	Address  url.Values
	// Views are what somebody saved, and Save is what this page would save.
	Views    []savedView
	Save     string
	MaySave  bool
	MayShare bool
}

// show tells whether a column is shown.
func (p *executionsPage) Show(key string) bool {
	i := slices.IndexFunc(p.Columns, func(c column) bool { return c.Key == key })
	return i >= 0 && p.Columns[i].On
}

// column is one that can be chosen.
type column struct {
	Key, Name string
	On        bool
}

// executionColumns are the columns that can be chosen, and which are there unless
// somebody chooses.
func executionColumns(chosen string) []column {
	all := []column{
		{"trigger", "Trigger", true},
		{"model", "Model", true},
		{"started", "Started", true},
		{"took", "Took", true},
		{"tokens", "Tokens", false},
		{"cost", "Cost", true},
		{"who", "On behalf of", false},
		{"source", "Source", false},
		{"proved", "Proved", false},
		{"why", "Why", false},
	}
	if chosen != "" {
		keys := strings.Split(chosen, ",")
		for i := range all {
			all[i].On = slices.Contains(keys, all[i].Key)
		}
	}
	return all
}

// period is a time that is often asked for.
type period struct {
	Name, Link string
	On         bool
}

func (r *request) executions() (*answer, error) {
	f, err := r.filter()
	if err != nil {
		return nil, err
	}
	after, err := readPlace(r.query("after"))
	if err != nil {
		return nil, err
	}
	if f.Since.IsZero() && r.query("since") != allTime {
		f.Since = r.now.Add(-ask.DefaultPeriod)
	}
	from, err := r.t.Asker.Size(r.ctx)
	if err != nil {
		return nil, err
	}
	sel := ask.Selection{Filter: f, Squads: r.id.Squads, RunsOnly: !askedFor(f.Terms, whodid.FilterParent), Limit: pageRows}
	a := &answer{title: "Executions", stream: "type:execution.*", from: from}
	page := &executionsPage{
		Query: r.query("q"), Since: r.query("since"), Until: r.query("until"), Columns: executionColumns(strings.Join(r.r.URL.Query()["cols"], ",")),
		Address: r.r.URL.Query(), Anything: true, Save: viewQuery(r.r.URL.Query()), MaySave: r.pages.options.Views != nil, MayShare: r.mayShare(),
	}
	if after != nil {
		page.First = r.with(map[string]string{"after": ""})
	}
	// Looks at the same runs, at the same time.
	var all errgroup.Group
	all.Go(func() error {
		list, next, err := r.t.Asker.SelectExecutions(r.ctx, sel, after)
		if err == nil {
			a.value, a.rows, page.Runs, page.More = list, list.Executions, list.Executions, r.onward(next)
		}
		if err != nil || !page.Show("proved") {
			return err
		}
		return r.provedOf(page)
	})
	if r.query("format") != "" {
		return a, all.Wait()
	}
	all.Go(func() (err error) {
		page.Views, err = r.views()
		return err
	})
	all.Go(func() error {
		history, err := r.t.Asker.History(r.ctx, sel, false)
		if err == nil {
			page.Total = history.Total
		}
		return err
	})
	all.Go(func() error {
		facets, err := r.t.Asker.Facets(r.ctx, sel)
		if err == nil {
			page.Facets = r.facets(facets, f.Terms)
		}
		return err
	})
	all.Go(func() error { return r.chartOf(page, sel) })
	if err := all.Wait(); err != nil {
		return nil, err
	}
	page.Periods = r.periods()
	if len(page.Runs) == 0 {
		if err := r.emptyExecutions(page, sel); err != nil {
			return nil, err
		}
	}
	a.page = page
	return a, nil
}

// provedOf finds out what was confirmed of the runs that are shown.
func (r *request) provedOf(page *executionsPage) (err error) {
	ids := make([]string, len(page.Runs))
	for i := range page.Runs {
		ids[i] = page.Runs[i].ExecutionID
	}
	if page.Proved, err = r.t.Asker.Proved(r.ctx, ids); errors.Is(err, ask.ErrWitnesses) {
		return nil // it is shown as unknown
	}
	return err
}

func askedFor(terms []whodid.Term, field whodid.FilterField) bool {
	return slices.ContainsFunc(terms, func(t whodid.Term) bool { return t.Field == field })
}

// chartOf draws when the runs began. Where all time is asked for it begins with
// the first run.
func (r *request) chartOf(page *executionsPage, sel ask.Selection) error {
	const most = 60
	if sel.Filter.Since.IsZero() {
		first, err := r.firstRun(sel)
		if err != nil || first.IsZero() {
			return err
		}
		sel.Filter.Since = first
	}
	activity, err := r.t.Asker.Activity(r.ctx, sel, most)
	if err != nil {
		return err
	}
	page.Chart = newChart(activity, func(from, to time.Time) string {
		return r.with(map[string]string{"since": stamp(from), "until": stamp(to), "after": ""})
	})
	return nil
}

// firstRun is when the trail's first event was.
func (r *request) firstRun(ask.Selection) (time.Time, error) {
	events, err := r.t.Asker.Events(r.ctx, 0, 1)
	if err != nil || len(events) == 0 {
		return time.Time{}, err
	}
	return events[0].At, nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// emptyExecutions finds out why there is nothing to show.
func (r *request) emptyExecutions(page *executionsPage, sel ask.Selection) error {
	any, _, err := r.t.Asker.SelectExecutions(r.ctx, ask.Selection{Squads: r.id.Squads, Limit: 1}, nil)
	if err != nil {
		return err
	}
	page.Anything = len(any.Executions) > 0
	sel.Filter.Since, sel.Filter.Until, sel.Limit = time.Time{}, time.Time{}, 1
	wider, _, err := r.t.Asker.SelectExecutions(r.ctx, sel, nil)
	if err != nil {
		return err
	}
	if len(wider.Executions) > 0 {
		page.Wider = r.with(map[string]string{"since": allTime, "until": "", "after": ""})
	}
	return nil
}

// periods are the times beside the chart.
func (r *request) periods() []period {
	since := r.query("since")
	if since == "" {
		since = "7d"
	}
	out := []period{{Name: "24 h", Link: "1d"}, {Name: "7 days", Link: "7d"}, {Name: "30 days", Link: "30d"}, {Name: "90 days", Link: "90d"}, {Name: "All", Link: allTime}}
	for i := range out {
		out[i].On = out[i].Link == since && r.query("until") == ""
		out[i].Link = r.with(map[string]string{"since": out[i].Link, "until": "", "after": ""})
	}
	return out
}

// facet is a field with values to narrow by.
type facet struct {
	Field, Name string
	// Says is what its values mean, where their names do not say all of it.
	Says string
	// Behind is how far witnesses are behind, where that is too far to count runs by
	// what they confirmed.
	Behind uint64
	Values []facetValue
	// Open are those shown at first; the others are behind a click.
	Rest []facetValue
	On   bool
}

// facetValue is one value; Link narrows by it, or takes it back if it is on.
type facetValue struct {
	Value, Label, Link string
	Count              int64
	// Share is its part of the largest, in whole percent.
	Share int64
	On    bool
}

// provedMeans is what the states of [whodid.ProvedState] mean.
const provedMeans = "witnessed: every event of the run lies below the place in the log that the quorum of witnesses, or an authority for time stamps, confirmed last. " +
	"waiting: at least one was recorded since. unwitnessed: there is nobody whose word counts. " +
	"That the trail still is what they confirmed, this does not say: whodid verify checks that."

// facets shows by what the runs can be narrowed, and by what they are.
func (r *request) facets(found *ask.Facets, terms []whodid.Term) []facet {
	const shown, most = 6, 40
	out := make([]facet, 0, len(found.Facets))
	for _, f := range found.Facets {
		one := facet{Field: f.Field, Name: heading(f.Field)}
		if f.Field == string(whodid.FilterProved) {
			one.Says, one.Behind = provedMeans, found.Behind
		}
		for i, v := range f.Values[:min(len(f.Values), most)] {
			on := slices.ContainsFunc(terms, func(t whodid.Term) bool {
				return string(t.Field) == f.Field && !t.Not && len(t.Values) == 1 && strings.Join(whodid.Pattern(t.Values[0]), "*") == v.Value
			})
			value := facetValue{Value: v.Value, Label: label(v.Value), Count: v.Count, Share: v.Count * 100 / max(f.Values[0].Count, 1), On: on}
			if v.Value != "" {
				value.Link = r.with(map[string]string{"q": toggled(r.query("q"), f.Field, v.Value, on), "after": ""})
			}
			one.On = one.On || on
			if i < shown || on {
				one.Values = append(one.Values, value)
			} else {
				one.Rest = append(one.Rest, value)
			}
		}
		out = append(out, one)
	}
	return out
}

// toggled is a filter with a term more or, if it is there, without it.
func toggled(query, field, value string, on bool) string {
	term := whodid.FilterTerm(field, value)
	if !on {
		return strings.TrimSpace(query + " " + term)
	}
	words := strings.Fields(query)
	for _, form := range []string{term, field + ":" + value} {
		if i := slices.Index(words, form); i >= 0 {
			return strings.Join(slices.Delete(words, i, i+1), " ")
		}
	}
	return strings.Join(strings.Fields(strings.Replace(query, term, "", 1)), " ")
}

// onward is where the rows behind a place are; empty at the end.
func (r *request) onward(next *ask.Place) string {
	if next == nil {
		return ""
	}
	return r.with(map[string]string{"after": writePlace(next)})
}

// with is the address of this page with other values; an empty one goes.
func (r *request) with(values map[string]string) string {
	q := r.r.URL.Query()
	q.Del("format")
	for name, value := range values {
		if value == "" {
			q.Del(name)
		} else {
			q.Set(name, value)
		}
	}
	return r.r.URL.Path + "?" + q.Encode()
}

// readPlace reads where a page goes on; nil is the beginning.
func readPlace(s string) (*ask.Place, error) {
	if s == "" {
		return nil, nil //nolint:nilnil // the beginning is no place
	}
	var parts []string
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &parts)
	}
	if err != nil || len(parts) != 3 {
		return nil, wrong(http.StatusBadRequest, "The address does not say where to go on.", "Begin with the first page.")
	}
	us, err := strconv.ParseInt(parts[0], 10, 64)
	seq, err2 := strconv.ParseUint(parts[2], 10, 64)
	if err != nil || err2 != nil {
		return nil, wrong(http.StatusBadRequest, "The address does not say where to go on.", "Begin with the first page.")
	}
	at := &ask.Place{ID: parts[1], Seq: seq}
	if us != 0 {
		at.At = whodid.FromMicros(us)
	}
	return at, nil
}

func writePlace(p *ask.Place) string {
	var us int64
	if !p.At.IsZero() {
		us = whodid.Micros(p.At)
	}
	b, err := json.Marshal([]string{strconv.FormatInt(us, 10), p.ID, strconv.FormatUint(p.Seq, 10)})
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
