"""Working: chunks of batches are taken from the queue, their items asked, charged and written."""
