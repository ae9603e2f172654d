DROP TABLE origin_strategy, known_host, outbox, idem, descriptor_due, usage_delta, batch_delta, lane_clock, turn, dispatch, lease, item, batch, image_tag, image, space, portal_user, api_key, customer;
DROP FUNCTION tag_new_images, tag_changed_image;
