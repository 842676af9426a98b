"""What a run tells somebody who is not looking at it: messages to a phone, a chat or a mailbox."""
