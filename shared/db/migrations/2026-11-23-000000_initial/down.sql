DROP TABLE outbox, idem, usage_delta, batch_delta, lane_clock, turn, dispatch, lease, item, batch, image, space, api_key, customer;
