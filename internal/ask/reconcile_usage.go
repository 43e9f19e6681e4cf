package ask

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// What is counted of a bill.
const (
	ofMicros = "micros of what is billed (millionths of a US dollar)"
	ofTokens = "tokens of what is billed"
)

// Billed is what one bill says. Err is why it can't be read.
type Billed struct {
	Name, Format string
	Lines        []BilledLine
	// More tells that the file is a page of an answer that goes on.
	More bool
	Err  error
}

// BilledLine is what a bill says of one model on one day in UTC.
type BilledLine struct {
	Day, Model string
	// Tokens are those of all kinds, Micros the cost; null if the bill does not say.
	Tokens, Micros *int64
}

// UsageComparison is what bills say against what the trail says, of the models and
// days that are on them.
type UsageComparison struct {
	Bills []BillRead `json:"bills"`
	// BilledMicros is what they say it cost, TrailMicros what the trail does, and
	// DifferencePercent by how much the bills are higher; null where they tell no cost.
	BilledMicros      *int64   `json:"billed_micros"`
	TrailMicros       *int64   `json:"trail_micros"`
	DifferencePercent *float64 `json:"difference_percent"`
	BilledTokens      *int64   `json:"billed_tokens"`
	TrailTokens       *int64   `json:"trail_tokens"`
	// TokensPercent is by how much the bills have more tokens.
	TokensPercent *float64 `json:"tokens_difference_percent"`
	// Rows are each day and model.
	Rows []UsageRow `json:"rows"`
}

// BillRead is a bill that was read.
type BillRead struct {
	Name   string `json:"name"`
	Format string `json:"format"`
	Lines  int    `json:"lines"`
}

// UsageRow is one day and model: what the bills say, and what the trail says.
type UsageRow struct {
	Day               string   `json:"day"`
	Model             string   `json:"model"`
	BilledMicros      *int64   `json:"billed_micros"`
	TrailMicros       *int64   `json:"trail_micros"`
	DifferencePercent *float64 `json:"difference_percent"`
	BilledTokens      *int64   `json:"billed_tokens"`
	TrailTokens       *int64   `json:"trail_tokens"`
	TokensPercent     *float64 `json:"tokens_difference_percent"`
	// CostUnknown is how many calls of the trail have no known cost.
	CostUnknown int64 `json:"cost_unknown"`
}

// dayModel is what is compared.
type dayModel struct{ day, model string }

// reconcileUsage compares bills with the trail, by day and model.
func (a *Asker) reconcileUsage(ctx context.Context, in *ReconcileInput) (*UsageComparison, *Reconciled, error) {
	s := newReconciled(SourceUsage, ofMicros)
	if len(in.Bills) == 0 {
		return nil, s.unchecked(false, "no bill or export was given: --usage FILE"), nil
	}
	c := &UsageComparison{Bills: []BillRead{}, Rows: []UsageRow{}}
	billed := map[dayModel]*UsageRow{}
	var broken []string
	for i := range in.Bills {
		b := &in.Bills[i]
		switch {
		case b.Err != nil:
			broken = append(broken, fmt.Sprintf("%s can't be read: %v", b.Name, b.Err))
			continue
		case b.More:
			s.Notes = append(s.Notes, b.Name+" is a page of an answer that goes on: the rest is not compared")
		}
		c.Bills = append(c.Bills, BillRead{Name: b.Name, Format: b.Format, Lines: len(b.Lines)})
		addBilled(in, billed, b.Lines)
	}
	if len(broken) > 0 {
		s.Failed, s.Reason = true, strings.Join(broken, "; ")
	}
	if len(billed) == 0 {
		if len(broken) == 0 {
			return nil, s.unchecked(true, "the bills have no line of this time"), nil
		}
		return nil, s, nil
	}
	s.Checked = true
	if err := a.addTrail(ctx, in, s, billed); err != nil {
		return nil, nil, err
	}
	keys := slices.SortedFunc(maps.Keys(billed), func(x, y dayModel) int { return cmp.Or(cmp.Compare(x.day, y.day), cmp.Compare(x.model, y.model)) })
	for _, k := range keys {
		c.Rows = append(c.Rows, *billed[k])
	}
	c.sum()
	if c.BilledMicros == nil {
		s.Of = ofTokens
	}
	for i := range c.Rows {
		s.compareRow(&c.Rows[i], in.Tolerance)
	}
	return c, s, nil
}

func addBilled(in *ReconcileInput, billed map[dayModel]*UsageRow, lines []BilledLine) {
	for i := range lines {
		l := &lines[i]
		day, err := time.Parse(time.DateOnly, l.Day)
		if err != nil || day.AddDate(0, 0, 1).Before(in.Since.Add(time.Nanosecond)) || !in.Until.IsZero() && !day.Before(in.Until) {
			continue
		}
		k := dayModel{l.Day, l.Model}
		r := billed[k]
		if r == nil {
			r = &UsageRow{Day: l.Day, Model: l.Model}
			billed[k] = r
		}
		r.BilledMicros = plus(r.BilledMicros, l.Micros)
		r.BilledTokens = plus(r.BilledTokens, l.Tokens)
	}
}

// plus adds what is known.
func plus(a, b *int64) *int64 {
	switch {
	case b == nil:
		return a
	case a == nil:
		return optional(true, *b)
	default:
		return optional(true, *a+*b)
	}
}

// addTrail puts what the trail says beside what bills say. A bill that names no
// models is compared by day; models that are on no bill are told of apart, for
// somebody else is paid for them.
func (a *Asker) addTrail(ctx context.Context, in *ReconcileInput, s *Reconciled, billed map[dayModel]*UsageRow) error {
	first, last := "9", ""
	models := map[string]bool{}
	for k := range billed {
		first, last = min(first, k.day), max(last, k.day)
		models[k.model] = true
	}
	from, _ := time.Parse(time.DateOnly, first)
	to, _ := time.Parse(time.DateOnly, last)
	used, err := a.store.UsageByDay(ctx, a.org, from, to.AddDate(0, 0, 1))
	if err != nil {
		return err
	}
	used, repriced, err := a.reprices(ctx, from, to.AddDate(0, 0, 1), used)
	if err != nil {
		return err
	}
	if repriced > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d sums of calls that were priced anew count on the day on which their run began", repriced))
	}
	byDay := len(models) == 1 && models[""]
	elsewhere := map[string]int64{}
	for i := range used {
		u := &used[i]
		k := dayModel{u.Day, usageModel(in, u.Model)}
		if byDay {
			k.model = ""
		} else if !models[k.model] {
			elsewhere[k.model] += u.CostMicros
			continue
		}
		r := billed[k]
		if r == nil {
			r = &UsageRow{Day: k.day, Model: k.model}
			billed[k] = r
		}
		r.TrailMicros = plus(r.TrailMicros, optional(u.Calls > u.NoCost, u.CostMicros))
		r.TrailTokens = plus(r.TrailTokens, optional(true, u.Input+u.Output+u.CacheRead+u.CacheWrite))
		r.CostUnknown += u.NoCost
	}
	for _, model := range slices.Sorted(maps.Keys(elsewhere)) {
		s.Notes = append(s.Notes, fmt.Sprintf("%s is on no bill: $%.2f in the trail", cmp.Or(model, "a model that is not known"), float64(elsewhere[model])/1e6))
	}
	return nil
}

// usageModel is the name by which a model is compared.
func usageModel(in *ReconcileInput, model string) string {
	if in.Model == nil {
		return model
	}
	return in.Model(model)
}

// reprices adds what pricing anew changed, on the day on which the run began.
func (a *Asker) reprices(ctx context.Context, from, to time.Time, used []store.UsageTally) ([]store.UsageTally, int, error) {
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{What: "model.reprice", Since: from})
	if err != nil || len(rows) == 0 {
		return used, 0, err
	}
	var ids []string
	for i := range rows {
		ids = append(ids, rows[i].Execution)
	}
	slices.Sort(ids)
	began := map[string]time.Time{}
	for some := range slices.Chunk(slices.Compact(ids), 1000) {
		runs, err := a.store.ExecutionsByID(ctx, a.org, some)
		if err != nil {
			return nil, 0, err
		}
		for i := range runs {
			began[runs[i].ID] = runs[i].StartedAt
		}
	}
	n := 0
	for i := range rows {
		at := began[rows[i].Execution]
		if at.IsZero() || at.Before(from) || !at.Before(to) {
			continue
		}
		n++
		u := whodid.UsageOf(&rows[i].Event)
		used = append(used, store.UsageTally{Day: at.UTC().Format(time.DateOnly), Model: rows[i].Data.String("model"), Usage: u})
	}
	return used, n, nil
}

// sum adds the rows up, and says how far they differ.
func (c *UsageComparison) sum() {
	for i := range c.Rows {
		r := &c.Rows[i]
		c.BilledMicros, c.BilledTokens = plus(c.BilledMicros, r.BilledMicros), plus(c.BilledTokens, r.BilledTokens)
		c.TrailMicros, c.TrailTokens = plus(c.TrailMicros, r.TrailMicros), plus(c.TrailTokens, r.TrailTokens)
		r.DifferencePercent, r.TokensPercent = higher(r.BilledMicros, r.TrailMicros), higher(r.BilledTokens, r.TrailTokens)
	}
	c.DifferencePercent, c.TokensPercent = higher(c.BilledMicros, c.TrailMicros), higher(c.BilledTokens, c.TrailTokens)
}

// higher is by how many per cent a bill is higher than the trail; null where one of
// them does not say, or the trail has none to compare with.
func higher(billed, trail *int64) *float64 {
	if billed == nil || trail == nil || *trail == 0 {
		return nil
	}
	return optional(true, math.Round((float64(*billed)/float64(*trail)-1)*10_000)/100)
}

// compareRow counts one day and model: by cost where bills tell it, else by tokens.
func (s *Reconciled) compareRow(r *UsageRow, tolerance float64) {
	billed, trail, what := r.BilledMicros, r.TrailMicros, "cost"
	if s.Of == ofTokens {
		billed, trail, what = r.BilledTokens, r.TrailTokens, "tokens"
	}
	differ := func(billed, trail *int64) (int64, bool) {
		b, t := int64(0), int64(0)
		if billed != nil {
			b = *billed
		}
		if trail != nil {
			t = *trail
		}
		d := max(b-t, t-b)
		return d, float64(d) > float64(max(b, t))*tolerance/100
	}
	difference, apart := differ(billed, trail)
	amount := int64(0)
	if billed != nil {
		amount = *billed
	}
	s.Total += amount
	if !apart {
		s.Explained += amount
	} else {
		s.Explained += max(amount-difference, 0)
		s.add(r.unexplained(what, billed, trail))
	}
	// Where a bill tells both, both are compared.
	if s.Of == ofMicros && r.BilledTokens != nil && !apart {
		if _, apart := differ(r.BilledTokens, r.TrailTokens); apart {
			s.add(r.unexplained("tokens", r.BilledTokens, r.TrailTokens))
		}
	}
}

func (r *UsageRow) unexplained(what string, billed, trail *int64) *Unexplained {
	day, _ := time.Parse(time.DateOnly, r.Day)
	u := &Unexplained{Kind: "usage", Subject: strings.TrimSpace(r.Day + " " + r.Model), At: &day, Detail: fmt.Sprintf("%s: %s on the bill, %s in the trail", what, figure(what, billed), figure(what, trail))}
	if p := higher(billed, trail); p != nil {
		u.Detail += fmt.Sprintf(" (%+.2f%%)", *p)
	}
	switch {
	case trail == nil && r.CostUnknown > 0:
		u.Reason, u.Next = fmt.Sprintf("the trail knows of %d calls, and not what they cost", r.CostUnknown), "whodid price update; whodid price reprice"
	case trail == nil && r.Model == "":
		u.Reason, u.Next = "it is of no model: searches, code execution, or what somebody bought", "look at the bill"
	case trail == nil:
		u.Reason, u.Next = "the trail knows of no call of that model on that day: it was called where nothing records it", "whodid import; whodid init where it runs; look whose key it was"
	case billed == nil:
		u.Reason, u.Next = "it is not on the bill of that day: somebody else is paid for it, or it is billed under another name or day", "look for the other bill"
	case *billed > *trail && r.CostUnknown > 0:
		u.Reason, u.Next = fmt.Sprintf("the cost of %d calls is not known", r.CostUnknown), "whodid price update; whodid price reprice"
	case *billed > *trail && r.TokensPercent != nil && math.Abs(*r.TokensPercent) < 0.5 && what == "cost":
		u.Reason, u.Next = "the tokens agree, so that prices differ: the price table is old, or the contract has others", "whodid price show; whodid price update; whodid price reprice"
	case *billed > *trail:
		u.Reason, u.Next = "more was used than the trail knows of: calls that nothing records, or prices that are too low", "whodid import; whodid price update; look whose key it was"
	default:
		u.Reason, u.Next = "the trail has more: prices that are too high, a discount, or another bill", "whodid price show; look for the other bill"
	}
	return u
}

func figure(what string, n *int64) string {
	switch {
	case n == nil:
		return "nothing"
	case what == "cost":
		return fmt.Sprintf("$%.4f", float64(*n)/1e6)
	default:
		return strconv.FormatInt(*n, 10)
	}
}
