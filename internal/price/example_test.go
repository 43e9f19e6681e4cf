package price_test

import (
	"fmt"
	"time"

	"github.com/whodid/whodid/internal/price"
)

func ExampleTable_Cost() {
	prices, err := price.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	usage := price.Usage{Input: 10, Output: 74, CacheRead: 14_600, CacheWrite5m: 100, CacheWrite1h: 440}
	for _, model := range []string{"claude-sonnet-5", "a-model-of-tomorrow"} {
		if quote, ok := prices.Cost("", model, at, usage); ok {
			fmt.Printf("%s: %d micro-dollars at %s, by %s\n", model, quote.Micros, quote.Provider, quote.Table)
		} else {
			fmt.Printf("%s: unknown\n", model)
		}
	}
	// Output:
	// claude-sonnet-5: 5690 micro-dollars at anthropic, by genai-prices@0.1.8
	// a-model-of-tomorrow: unknown
}
