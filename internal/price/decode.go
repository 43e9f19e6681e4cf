package price

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxTableItems bounds the fields and list elements of a table. The table of
// 2026-09 has 15,000.
const maxTableItems = 1 << 18

type providerJSON struct {
	ID            string      `json:"id"`
	ProviderMatch *ruleJSON   `json:"provider_match"`
	ModelMatch    *ruleJSON   `json:"model_match"`
	Fallbacks     []string    `json:"fallback_model_providers"`
	Models        []modelJSON `json:"models"`
}

type modelJSON struct {
	ID     string     `json:"id"`
	Match  *ruleJSON  `json:"match"`
	Prices pricesJSON `json:"prices"`
}

// pricesJSON is what a model costs: one object of prices, or a list of them
// with the time in which each holds.
type pricesJSON []datedJSON

type datedJSON struct {
	Constraint *constraintJSON `json:"constraint"`
	Prices     *tariffJSON     `json:"prices"`
}

// constraintJSON is a start date or a time of day. Older tables have no type.
type constraintJSON struct {
	Type      string `json:"type"`
	StartDate string `json:"start_date"`
	StartTime string `json:"start_time"`
	EndTime   string `json:"end_time"`
}

// tariffJSON has the prices that concern text tokens. The others of the format,
// by the hour, page, image or search, are not read.
type tariffJSON struct {
	Input        *rateJSON `json:"input_mtok"`
	Output       *rateJSON `json:"output_mtok"`
	CacheRead    *rateJSON `json:"cache_read_mtok"`
	CacheWrite   *rateJSON `json:"cache_write_mtok"`
	CacheWrite5m *rateJSON `json:"cache_write_5m_mtok"`
	CacheWrite1h *rateJSON `json:"cache_write_1h_mtok"`
	Requests     *rateJSON `json:"requests_kcount"`

	// Parts of input and output that Usage doesn't tell apart.
	Tool      *rateJSON `json:"input_tool_mtok"`
	Reasoning *rateJSON `json:"output_reasoning_mtok"`
	Citation  *rateJSON `json:"output_citation_mtok"`
}

// rateJSON is a number, or a base with tiers.
type rateJSON struct {
	Base  json.Number `json:"base"`
	Tiers []struct {
		Start int64       `json:"start"`
		Price json.Number `json:"price"`
	} `json:"tiers"`
}

func (p *pricesJSON) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*[]datedJSON)(p))
	}
	if string(data) == "null" {
		return nil
	}
	var only tariffJSON
	if err := json.Unmarshal(data, &only); err != nil {
		return err
	}
	*p = pricesJSON{{Prices: &only}}
	return nil
}

func (r *rateJSON) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("{")) {
		type plain rateJSON // has no UnmarshalJSON, which would call itself
		return json.Unmarshal(data, (*plain)(r))
	}
	return json.Unmarshal(data, &r.Base)
}

func decode(data []byte) ([]provider, error) {
	var js []providerJSON
	if err := json.Unmarshal(data, &js); err != nil {
		return nil, err
	}
	var c compiler
	providers := make([]provider, len(js))
	for i := range js {
		p, err := c.provider(&js[i])
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", js[i].ID, err)
		}
		providers[i] = p
	}
	return providers, nil
}

func (c *compiler) provider(j *providerJSON) (provider, error) {
	p := provider{id: j.ID, fallbacks: j.Fallbacks, models: make([]model, len(j.Models))}
	if j.ID == "" {
		return p, errors.New("it has no id")
	}
	var err error
	if j.ProviderMatch != nil {
		if p.named, err = c.rule(j.ProviderMatch); err != nil {
			return p, err
		}
	}
	if j.ModelMatch != nil {
		if p.sells, err = c.rule(j.ModelMatch); err != nil {
			return p, err
		}
	}
	for i := range j.Models {
		if p.models[i], err = c.model(&j.Models[i]); err != nil {
			return p, fmt.Errorf("model %q: %w", j.Models[i].ID, err)
		}
	}
	return p, nil
}

func (c *compiler) model(j *modelJSON) (model, error) {
	m := model{id: j.ID, tariffs: make([]dated, len(j.Prices))}
	if j.ID == "" || j.Match == nil || len(j.Prices) == 0 {
		return m, errors.New("it lacks an id, a rule or prices")
	}
	var err error
	if m.matches, err = c.rule(j.Match); err != nil {
		return m, err
	}
	for i, d := range j.Prices {
		if d.Prices == nil {
			return m, errors.New("it has an entry without prices")
		}
		if m.tariffs[i].tariff, err = d.Prices.tariff(); err != nil {
			return m, err
		}
		if d.Constraint == nil {
			continue
		}
		if m.tariffs[i].holds, err = d.Constraint.period(); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (j *tariffJSON) tariff() (*tariff, error) {
	var t tariff
	for _, field := range [...]struct {
		from *rateJSON
		to   **rate
		unit amount
	}{
		{j.Input, &t.input, perMillion},
		{j.Output, &t.output, perMillion},
		{j.CacheRead, &t.cacheRead, perMillion},
		{j.CacheWrite, &t.cacheWrite, perMillion},
		{j.CacheWrite5m, &t.cacheWrite5m, perMillion},
		{j.CacheWrite1h, &t.cacheWrite1h, perMillion},
		{j.Requests, &t.request, perThousand},
	} {
		if field.from == nil {
			continue
		}
		r, err := field.from.rate(field.unit)
		if err != nil {
			return nil, err
		}
		*field.to = r
	}
	if j.Tool != nil {
		t.input = nil
	}
	if j.Reasoning != nil || j.Citation != nil {
		t.output = nil
	}
	return &t, nil
}

func (r *rateJSON) rate(unit amount) (*rate, error) {
	base, err := parseAmount(r.Base.String(), unit)
	if err != nil {
		return nil, err
	}
	out := &rate{base: base}
	for _, tierJSON := range r.Tiers {
		if tierJSON.Start < 0 {
			return nil, fmt.Errorf("a tier starts at %d", tierJSON.Start)
		}
		price, err := parseAmount(tierJSON.Price.String(), unit)
		if err != nil {
			return nil, err
		}
		out.tiers = append(out.tiers, tier{start: tierJSON.Start, price: price})
	}
	slices.SortStableFunc(out.tiers, func(a, b tier) int { return cmp.Compare(a.start, b.start) })
	return out, nil
}

func (j *constraintJSON) period() (period, error) {
	switch {
	case j.StartDate != "" && j.StartTime == "" && j.EndTime == "" && (j.Type == "" || j.Type == "start_date"):
		day, err := time.Parse(time.DateOnly, j.StartDate)
		if err != nil {
			return nil, fmt.Errorf("couldn't read start date: %w", err)
		}
		return since(day), nil
	case j.StartDate == "" && (j.Type == "" || j.Type == "time_of_date"): // the format's own word
		start, err := parseClock(j.StartTime)
		if err != nil {
			return nil, err
		}
		end, err := parseClock(j.EndTime)
		if err != nil {
			return nil, err
		}
		return daily{start: start, end: end}, nil
	default:
		return nil, fmt.Errorf("time constraint of type %q is unknown", j.Type)
	}
}

// parseClock reads a time of day with its offset, such as 16:30:00Z or
// 09:30:00+08:00, and returns the time since midnight UTC.
func parseClock(s string) (time.Duration, error) {
	t, err := time.Parse("15:04:05Z07:00", s)
	if err != nil {
		return 0, fmt.Errorf("couldn't read time of day: %w", err)
	}
	return sinceMidnight(t), nil
}
