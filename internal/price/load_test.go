package price

import (
	"strings"
	"testing"
	"time"
)

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	model := func(match string) string {
		return `[{"id":"p","models":[{"id":"m","match":` + match + `,"prices":{"input_mtok":1}}]}]`
	}
	for _, tt := range []struct{ name, table, want string }{
		{"nothing", ``, "unexpected end"},
		{"no list", `{}`, "cannot unmarshal"},
		{"no providers", `[]`, "no providers"},
		{"null", `null`, "no providers"},
		{"cut short", table(`{"input_mtok":1}`)[:60], "unexpected end"},
		{"more behind it", table(`{"input_mtok":1}`) + "[]", "after top-level value"},
		{"too large", strings.Repeat(" ", maxTableBytes+1), "larger than"},
		{"too many fields", "[" + strings.Repeat("0,", maxTableItems+1) + "0]", "fields"},
		{"too deep", model(strings.Repeat(`{"or":[`, 20_000) + strings.Repeat(`]}`, 20_000)), "max depth"},
		{"provider without id", `[{"models":[]}]`, "no id"},
		{"provider twice", `[{"id":"p"},{"id":"p"}]`, "twice"},
		{"model without rule", `[{"id":"p","models":[{"id":"m","prices":{}}]}]`, "lacks"},
		{"model without prices", `[{"id":"p","models":[{"id":"m","match":{"equals":"m"}}]}]`, "lacks"},
		{"no dated prices", table(`[]`), "lacks"},
		{"null prices", table(`null`), "lacks"},
		{"entry without prices", table(`[{}]`), "without prices"},
		{"negative price", table(`{"input_mtok":-1}`), "zero or more"},
		{"minus zero", table(`{"input_mtok":-0}`), "zero or more"},
		{"price too small to tell from zero", table(`{"input_mtok":0.0000000000009}`), "below"},
		{"price with a letter", table(`{"input_mtok":{"base":"1x"}}`), "invalid number"},
		{"huge price", table(`{"input_mtok":10000.1}`), "above"},
		{"huge exponent", table(`{"input_mtok":1e99}`), "above"},
		{"vast exponent", table(`{"input_mtok":1e999999999}`), "out of range"},
		{"tiny exponent", table(`{"input_mtok":1e-999999999}`), "out of range"},
		{"long number", table(`{"input_mtok":1.` + strings.Repeat("0", 99) + `}`), "characters"},
		{"price of another kind", table(`{"input_mtok":true}`), "cannot unmarshal"},
		{"tiers without base", table(`{"input_mtok":{"tiers":[]}}`), "not a number"},
		{"tier without price", table(`{"input_mtok":{"base":1,"tiers":[{"start":1}]}}`), "not a number"},
		{"negative tier", table(`{"input_mtok":{"base":1,"tiers":[{"start":-1,"price":1}]}}`), "starts at"},
		{"empty rule", model(`{}`), "conditions"},
		{"unknown rule", model(`{"sounds_like":"m"}`), "conditions"},
		{"two rules", model(`{"equals":"m","contains":"m"}`), "conditions"},
		{"empty list of rules", model(`{"and":[]}`), "empty list"},
		{"broken rule inside", model(`{"or":[{"equals":"m"},{}]}`), "conditions"},
		{"broken expression", model(`{"regex":"("}`), "missing closing"},
		{"lookahead elsewhere", model(`{"regex":"a(?!b)"}`), "invalid or unsupported"},
		{"lookahead, open", model(`{"regex":"^(?!a"}`), "open group"},
		{"lookahead beside an alternative", model(`{"regex":"^(?!a)b|c"}`), "alternatives"},
		{"long expression", model(`{"regex":"` + strings.Repeat("a", maxPattern+1) + `"}`), "bytes"},
		{"growing expression", model(`{"regex":"((a{30}){30}){1,}"}`), "too large"},
		{"many growing expressions", model(`{"or":[{"equals":"m"}` + strings.Repeat(`,{"regex":"a{900}"}`, 99) + `]}`), "too large"},
		{"start date that isn't", table(`[{"constraint":{"start_date":"2026-02-30"},"prices":{}}]`), "start date"},
		{"time that isn't", table(`[{"constraint":{"start_time":"25:00:00Z","end_time":"01:00:00Z"},"prices":{}}]`), "time of day"},
		{"half a time", table(`[{"constraint":{"start_time":"05:00:00Z"},"prices":{}}]`), "time of day"},
		{"unknown constraint", table(`[{"constraint":{"type":"weekday"},"prices":{}}]`), "unknown"},
		{"both constraints", table(`[{"constraint":{"start_date":"2026-02-03","start_time":"05:00:00Z","end_time":"06:00:00Z"},"prices":{}}]`), "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			got, err := Load(strings.NewReader(tt.table))
			if err == nil || got != nil {
				t.Fatalf("got %v, %v", got, err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want something about %q", err, tt.want)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		match   string
		accepts []string
		rejects []string
	}{
		{`{"equals":"Model"}`, []string{"model", "MODEL", " model "}, []string{"model-1", "a-model"}},
		{`{"starts_with":"Mo"}`, []string{"model"}, []string{"a-model"}},
		{`{"ends_with":"EL"}`, []string{"model"}, []string{"models"}},
		{`{"contains":"De"}`, []string{"model"}, []string{"mole"}},
		{`{"and":[{"contains":"a"},{"contains":"b"}]}`, []string{"ab", "ba"}, []string{"a", "b"}},
		{`{"or":[{"equals":"a"},{"and":[{"starts_with":"b"},{"ends_with":"c"}]}]}`, []string{"a", "bc"}, []string{"b", "c"}},
		{`{"regex":"^m-\\d{2}$"}`, []string{"m-12", "M-12"}, []string{"m-1", "m-123", "am-12"}},
		{`{"regex":"^(?!bad|[)]|\\)x)m?"}`, []string{"m", "good", "abad"}, []string{"bad", "bad-m", ")", ")x"}},
		{`{"equals":"m-2026-09-01"}`, []string{"m-20260901", "m-2026-09-01"}, []string{"m-20260902", "m-20260931", "m20260901"}},
		{`{"equals":"m-2026-09-01-2026-09-02:x"}`, []string{"m-20260901-20260902:x"}, []string{"m-202609012-20260902:x"}},
	} {
		prices := load(t, `[{"id":"p","models":[{"id":"m","match":`+tt.match+`,"prices":{"input_mtok":1}}]}]`)
		for _, model := range tt.accepts {
			if _, ok := prices.Cost("p", model, noon, Usage{}); !ok {
				t.Errorf("%s rejects %q", tt.match, model)
			}
		}
		for _, model := range tt.rejects {
			if _, ok := prices.Cost("p", model, noon, Usage{}); ok {
				t.Errorf("%s accepts %q", tt.match, model)
			}
		}
	}
}

// The fields that the full table has beside those that we read must not
// disturb.
func TestLoadTakesTheFullFormat(t *testing.T) {
	t.Parallel()
	prices := load(t, `[{"id":"p","name":"P","pricing_urls":["https://p.example"],"api_pattern":"https://p\\.example",
		"extractors":[{"root":"usage","mappings":[{"path":["a",{"type":"array-match"}],"dest":"input_tokens","required":true}]}],
		"models":[{"id":"m","name":"M","description":"d","match":{"equals":"m"},"context_window":1000,"price_comments":"c",
		"prices":{"input_mtok":2,"web_searches_kcount":10,"some_new_unit":{"a":[1]}},"deprecated":false}]}]`)
	if got, ok := prices.Cost("p", "m", noon, Usage{Input: 3}); !ok || got.Micros != 6 {
		t.Errorf("got %+v, %t", got, ok)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(table(`{"input_mtok":{"base":1,"tiers":[{"start":100,"price":2.5}]},"output_mtok":1e-3}`)))
	f.Add([]byte(table(`[{"prices":{}},{"constraint":{"start_date":"2026-01-01","type":"start_date"},"prices":{"output_mtok":2}}]`)))
	f.Add([]byte(table(`[{"constraint":{"start_time":"01:00:00Z","end_time":"02:00:00+01:00"},"prices":{"requests_kcount":2}}]`)))
	f.Add([]byte(`[{"id":"p","provider_match":{"contains":"q"},"model_match":{"regex":"^(?!a(b|[)]))m"},"fallback_model_providers":["p"]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		prices, err := Load(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		for _, provider := range []string{"", "p", "litellm"} {
			for _, model := range []string{"m", "p/m", "m-20260101"} {
				u := Usage{Input: 1, Output: 2, CacheRead: 3}
				got, ok := prices.Cost(provider, model, noon, u)
				again, okAgain := prices.Cost(provider, model, noon, u)
				if got != again || ok != okAgain {
					t.Errorf("first %+v, then %+v", got, again)
				}
				if ok && (got.Micros < 0 || got.Provider == "" || got.Model == "" || got.Table == "") {
					t.Errorf("got %+v", got)
				}
			}
		}
	})
}
