package price

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// amount is money in attodollars (10⁻¹⁸ USD): fine enough that a price in USD
// per million tokens with twelve decimals is a whole number of them per token,
// and sums are exact.
type amount uint64

const (
	maxDecimals   = 12     // of a price in USD per million tokens that count; true prices of 2026-09 have at most six
	maxPrice      = 10_000 // USD per million tokens or thousand requests; the table of 2026-09 has at most 600
	attosPerMicro = 1_000_000_000_000
	perMillion    = 1     // a unit of 10⁻¹² USD per million tokens is one attodollar per token
	perThousand   = 1_000 // and per thousand requests it is a thousand per request
)

// parseAmount reads a JSON number that is a price in USD for a million tokens
// or a thousand requests, as unit says, and returns the price of one. It works
// on the digits, since a float64 has no exact 0.1. Decimals after the twelfth
// are rounded half up: all that the tables have there are the remains of
// somebody's floating point, 0.18000000000000002 for 0.18.
func parseAmount(s string, unit amount) (amount, error) {
	if len(s) > 40 {
		return 0, fmt.Errorf("price has %d characters", len(s))
	}
	mantissa, exponent := strings.ToLower(s), 0
	if m, e, ok := strings.Cut(mantissa, "e"); ok {
		n, err := strconv.Atoi(e)
		if err != nil || n < -100 || n > 100 {
			return 0, fmt.Errorf("price %s is out of range", s)
		}
		mantissa, exponent = m, n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole == "" {
		return 0, fmt.Errorf("price %q is not a number", s)
	}
	digits := strings.TrimRight(whole+fraction, "0")
	// The value is digits × 10^shift units.
	shift := maxDecimals + exponent - len(fraction) + (len(whole) + len(fraction) - len(digits))
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return 0, nil
	}
	if len(digits)+shift > 17 { // 10,000 with twelve decimals has 17 digits
		return 0, fmt.Errorf("price %s is above %d", s, maxPrice)
	}
	if len(digits)+shift < 1 {
		return 0, fmt.Errorf("price %s is below what %d decimals can say", s, maxDecimals)
	}
	kept, roundUp := digits, false
	if shift < 0 {
		cut := len(digits) + shift
		kept, roundUp = digits[:cut], digits[cut] >= '5'
	}
	n, err := strconv.ParseUint(kept+strings.Repeat("0", max(shift, 0)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("price %s is not a number that is zero or more", s)
	}
	if roundUp {
		n++
	}
	if n > maxPrice*attosPerMicro {
		return 0, fmt.Errorf("price %s is above %d", s, maxPrice)
	}
	return amount(n) * unit, nil
}

// total is a sum of attodollars in 128 bits.
type total struct {
	hi, lo   uint64
	overflow bool
}

// add adds count times a; count is not negative.
func (t *total) add(count int64, a amount) {
	hi, lo := bits.Mul64(uint64(count), uint64(a))
	var carry uint64
	t.lo, carry = bits.Add64(t.lo, lo, 0)
	t.hi, carry = bits.Add64(t.hi, hi, carry)
	t.overflow = t.overflow || carry != 0
}

// micros rounds half up to micro-dollars. It reports false when the result
// exceeds an int64.
func (t *total) micros() (int64, bool) {
	lo, carry := bits.Add64(t.lo, attosPerMicro/2, 0)
	hi, carry := bits.Add64(t.hi, 0, carry)
	if t.overflow || carry != 0 || hi >= attosPerMicro {
		return 0, false
	}
	n, _ := bits.Div64(hi, lo, attosPerMicro)
	if n > math.MaxInt64 {
		return 0, false
	}
	return int64(n), true
}
