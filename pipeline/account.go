package pipeline

import "time"

// Account is what the API says of the account that a key belongs to.
type Account struct {
	// Credits are the credits that are left, a decimal number.
	Credits string
	// Webhooks is the number of webhooks, -1 if the response does not tell.
	Webhooks int
	// Date is the clock of the API, zero if the response does not tell. It may be there
	// when the key was refused, too.
	Date time.Time
}
