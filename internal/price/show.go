package price

import (
	"math/big"
	"strings"
	"time"
)

// Listing is what a table says that a model costs at a time.
type Listing struct {
	Table    string `json:"price_table"`
	Provider string `json:"provider"`
	Model    string `json:"model"`
	// Prices are in US dollars, as decimal numbers; null where there is none.
	Input        *Rate `json:"input_usd_per_mtok"`
	Output       *Rate `json:"output_usd_per_mtok"`
	CacheRead    *Rate `json:"cache_read_usd_per_mtok"`
	CacheWrite   *Rate `json:"cache_write_usd_per_mtok"`
	CacheWrite1h *Rate `json:"cache_write_1h_usd_per_mtok"`
	Request      *Rate `json:"request_usd_per_thousand"`
}

// Rate is a price that may be another for long prompts.
type Rate struct {
	USD   string `json:"usd"`
	Tiers []Tier `json:"tiers,omitempty"`
}

// Tier is the price for prompts of more than Above tokens.
type Tier struct {
	Above int64  `json:"above_tokens"`
	USD   string `json:"usd"`
}

// Lookup returns what a model costs at a time; names are those of [Table.Cost].
func (t *Table) Lookup(provider, model string, at time.Time) (Listing, bool) {
	o := t.find(name{provider: provider, model: model})
	if o.model == nil {
		return Listing{}, false
	}
	tariff := o.model.tariff(at)
	if tariff == nil {
		return Listing{}, false
	}
	return Listing{
		Table: t.version, Provider: o.provider.id, Model: o.model.id,
		Input: tariff.input.shown(perMillion), Output: tariff.output.shown(perMillion), CacheRead: tariff.cacheRead.shown(perMillion),
		CacheWrite: or(tariff.cacheWrite5m, tariff.cacheWrite).shown(perMillion), CacheWrite1h: or(tariff.cacheWrite1h, tariff.cacheWrite).shown(perMillion),
		Request: tariff.request.shown(perThousand),
	}, true
}

// Models counts the models that the table has prices of, and their sellers.
func (t *Table) Models() (models, providers int) {
	for i := range t.providers {
		models += len(t.providers[i].models)
	}
	return models, len(t.providers)
}

func (r *rate) shown(unit amount) *Rate {
	if r == nil {
		return nil
	}
	out := &Rate{USD: r.base.decimal(unit)}
	for _, tier := range r.tiers {
		out.Tiers = append(out.Tiers, Tier{Above: tier.start, USD: tier.price.decimal(unit)})
	}
	return out
}

// decimal is a price in US dollars for as much as the unit says.
func (a amount) decimal(unit amount) string {
	s := new(big.Rat).SetFrac(new(big.Int).SetUint64(uint64(a/unit)), big.NewInt(attosPerMicro)).FloatString(maxDecimals)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
