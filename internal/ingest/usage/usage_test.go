package usage

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The forms are those that the vendors document; the figures are made up.
var bills = map[string]struct {
	text   string
	format string
	more   bool
	want   []Line
}{
	"cost of Claude Console": {
		text: "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,inference_geo,speed\n" +
			"2026-10-04,Claude Haiku 4.5,Default,demo,message,≤ 200k,input_no_cache,0.05,0.05,token,not_available,\n" +
			"2026-10-04,Claude Haiku 4.5,Default,demo,message,≤ 200k,output,0.0200005,0.02,token,not_available,\n" +
			"2026-10-05,,Default,demo,message,,,1.25,1.25,web_search,not_available,\n",
		format: "cost of Claude Console (CSV)",
		want:   []Line{{Day: "2026-10-04", Model: "claude-haiku-4-5", Cost: true, CostMicros: 70001}, {Day: "2026-10-05", Cost: true, CostMicros: 1250000}},
	},
	"usage of Claude Console": {
		text: "\xef\xbb\xbfusage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m," +
			"usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count,inference_geo,speed\r\n" +
			"2026-10-04 13:00,claude-haiku-4-5-20251001,k,w,message,0-200k,100,20,30,4000,50,0,,\r\n2026-10-04 14:00,claude-haiku-4-5-20251001,k,w,message,0-200k,1,,,,5,0,,\r\n",
		format: "usage of Claude Console (CSV)",
		want:   []Line{{Day: "2026-10-04", Model: "claude-haiku-4-5", Tokens: true, Input: 101, Output: 55, CacheRead: 4000, CacheWrite: 50}},
	},
	"usage of Anthropic's API": {
		text: `{"data":[{"starting_at":"2026-10-04T00:00:00Z","ending_at":"2026-10-05T00:00:00Z","results":[{"uncached_input_tokens":1500,"cache_creation":{"ephemeral_1h_input_tokens":1000,` +
			`"ephemeral_5m_input_tokens":500},"cache_read_input_tokens":200,"output_tokens":500,"server_tool_use":{"web_search_requests":10},"model":"claude-opus-4-5","workspace_id":null}]}],"has_more":true,"next_page":"x"}`,
		format: "usage of Anthropic's API", more: true,
		want: []Line{{Day: "2026-10-04", Model: "claude-opus-4-5", Tokens: true, Input: 1500, Output: 500, CacheRead: 200, CacheWrite: 1500}},
	},
	"costs of Anthropic's API, which are in cents": {
		text:   `{"data":[{"starting_at":"2026-10-04T00:00:00Z","results":[{"currency":"USD","amount":"123.45","model":null},{"currency":"USD","amount":"0.0000499","model":"claude-opus-4-5"}]}],"has_more":false}`,
		format: "costs of Anthropic's API",
		want:   []Line{{Day: "2026-10-04", Cost: true, CostMicros: 1234500}, {Day: "2026-10-04", Model: "claude-opus-4-5", Cost: true}},
	},
	"usage of OpenAI's API, whose input holds what is cached": {
		text: `[{"object":"page","data":[{"object":"bucket","start_time":1790726400,"end_time":1790812800,"results":[{"object":"organization.usage.completions.result","input_tokens":1000,` +
			`"input_cached_tokens":400,"output_tokens":500,"num_model_requests":5,"model":"gpt-5-2025-08-07"}]}],"has_more":true},{"object":"page","data":[],"has_more":false}]`,
		format: "usage of OpenAI's API",
		want:   []Line{{Day: "2026-09-30", Model: "gpt-5", Tokens: true, Input: 600, Output: 500, CacheRead: 400}},
	},
	"costs of OpenAI's API": {
		text: `{"object":"page","data":[{"object":"bucket","start_time":1790726400,"results":[{"object":"organization.costs.result","amount":{"value":0.06,"currency":"usd"},"line_item":"gpt-5-mini-2025-08-07, cached input"},` +
			`{"object":"organization.costs.result","amount":{"value":"1e-2","currency":"usd"},"line_item":"gpt-5-mini-2025-08-07, output"}]}]}`,
		format: "costs of OpenAI's API",
		want:   []Line{{Day: "2026-09-30", Model: "gpt-5-mini", Cost: true, CostMicros: 70000}},
	},
	"cost of OpenAI's platform": {
		text: "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,quantity_unit,line_item,user_id\n" +
			"1790467200,1790553600,2026-09-27T00:00:00+00:00,2026-09-28T00:00:00+00:00,1.5,usd,,,gpt-5 input,\n1790553600,1790640000,2026-09-28T00:00:00+00:00,2026-09-29T00:00:00+00:00,,,,,,\n",
		format: "cost of OpenAI's platform (CSV)",
		want:   []Line{{Day: "2026-09-27", Model: "gpt-5", Cost: true, CostMicros: 1500000}},
	},
	"an invoice": {
		text:   "Date;Model;Cost USD;Input Tokens;Output Tokens\n2026-10-01;claude-opus-4-5;$1,234.50;10;20\n",
		format: "a table of usage",
		want:   []Line{{Day: "2026-10-01", Model: "claude-opus-4-5", Tokens: true, Input: 10, Output: 20, Cost: true, CostMicros: 1234500000}},
	},
	"an invoice as JSON": {
		text:   `[{"day":"2026-10-01","model":"m","cost_usd":1.25},{"day":"2026-10-01","model":"m","cost_usd":"-0.25"}]`,
		format: "a table of usage",
		want:   []Line{{Day: "2026-10-01", Model: "m", Cost: true, CostMicros: 1000000}},
	},
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, b := range bills {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse([]byte(b.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&Bill{Format: b.format, More: b.more, Lines: b.want}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                       "empty",
		" \n":                                    "empty",
		"a,b\n1,2\n":                             "none of its columns",
		"date,cost_usd\n":                        "no line",
		"date,cost_usd\n2026-10-01,much":         "line 2: \"much\" is no amount",
		"date,cost_usd\nOctober,1":               "no day",
		"date,cost_usd\n2026-10-01,1e999":        "no amount",
		"date,cost_usd\n2026-10-01,9999999999":   "no amount",
		"date,amount,currency\n2026-10-01,1,EUR": `"EUR"`,
		"date,input_tokens\n2026-10-01,-1":       "no number of tokens",
		"date,input_tokens\n2026-10-01,1.5":      "no number of tokens",
		"date,input_tokens\n1026-10-01,1":        "no day",
		`{"data":[{"starting_at":"2026-10-01T00:00:00Z","results":[{"amount":"1","currency":"EUR"}]}]}`: "EUR",
		`{"data":[{"starting_at":"2026-10-01T00:00:00Z","results":[{}]}]}`:                              "neither tokens nor cost",
		`{"data":`: "no JSON",
		`[1]`:      "other things",
		`{"data":[{"starting_at":"2026-10-01T00:00:00Z","results":[{"amount":"1"},{"uncached_input_tokens":1}]}]}`: "in one",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("of %.60q it says %v, not %q", text, err, want)
		}
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Claude Haiku 4.5": "claude-haiku-4-5", "claude-haiku-4-5-20251001": "claude-haiku-4-5", "anthropic/claude-haiku-4.5": "claude-haiku-4-5",
		"claude-3-7-sonnet-latest": "claude-3-7-sonnet", "gpt-5-2025-08-07": "gpt-5", "": "", " ": "", "20251001": "20251001", "us.anthropic.claude": "us-anthropic-claude",
	} {
		if got := Model(name); got != want {
			t.Errorf("Model(%q) = %q, want %q", name, got, want)
		}
		if again := Model(want); again != want {
			t.Errorf("Model(%q) = %q", want, again)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, b := range bills {
		f.Add([]byte(b.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		bill, err := Parse(b)
		if err != nil {
			return
		}
		seen := map[[2]string]bool{}
		for _, l := range bill.Lines {
			key := [2]string{l.Day, l.Model}
			if seen[key] || len(l.Day) != len("2026-10-01") || len(l.Model) > maxModel || min(l.Input, l.Output, l.CacheRead, l.CacheWrite) < 0 || !l.Cost && !l.Tokens {
				t.Errorf("a line is %+v", l)
			}
			seen[key] = true
		}
	})
}
